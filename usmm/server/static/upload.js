// One chosen file: it is sent for a preview at once, and shows what was read of it.

import { ApiError, isAbort, preview } from './api.js';
import { make, say } from './dom.js';
import { makeOutline } from './outline.js';
import { makePlayer } from './player.js';
import { fixed, number, percent, t } from './text.js';

let queue = Promise.resolve();

/** What a preview says in words: type and size, frames, spacing, what was blanked. */
export function describe(found) {
  const facts = [t('preview.size', { type: found.type, width: String(found.width), height: String(found.height) })];
  if (found.frames > 1) facts.push(t('preview.frames', { count: found.frames }));
  if (found.seconds) facts.push(t('preview.seconds', { seconds: number(found.seconds, 1) }));
  if (found.fps) facts.push(t('preview.fps', { fps: number(found.fps, 1) }));
  if (found.spacing_mm) {
    const [row, column] = found.spacing_mm;
    facts.push(t('preview.spacing', { row: fixed(row), column: fixed(column) }));
  }
  return facts.join('; ');
}

/** What was blanked, in words. */
export function describeBlanking(found) {
  const kept = percent(found.kept);
  if (found.blanked === 'stated') return t('preview.blanked_stated', { kept });
  if (found.blanked === 'found') return t('preview.blanked_found', { kept });
  return t('preview.blanked_none');
}

/** Seconds of the shown pictures: they are spread evenly over a clip. */
function paceOf(found) {
  return found.seconds && found.pictures.length > 1 ? found.pictures.length / found.seconds : null;
}

/** Pictures of a preview with their words. */
export function previewFigure(found, label) {
  const player = makePlayer({
    pictures: found.pictures, fps: paceOf(found), label, alt: t('preview.alt', { label }),
  });
  const caption = make('figcaption', {}, make('p', { text: describe(found) }),
    make('p', { class: `blanked ${found.blanked}`, text: describeBlanking(found) }));
  return { element: make('figure', { class: 'preview' }, player.element, caption), player };
}

/**
 * A chosen file.
 * Options: file, name (field of the request), kind (image or clip), label, outline (a box may be drawn), blank(): how to
 * blank, announce(words), onChange(), onRemove(upload).
 */
export class Upload {
  constructor(options) {
    Object.assign(this, options);
    this.state = 'reading';
    this.box = null;
    this.stopper = null;
    this.error = make('p', { class: 'error', role: 'alert', hidden: true });
    this.body = make('div');
    const remove = make('button', {
      type: 'button', class: 'small', text: t('input.remove'),
      'aria-label': t('input.remove_file', { file: this.file.name }), on: { click: () => this.onRemove(this) },
    });
    const title = make('div', { class: 'row file-name' }, make('span', { class: 'name', text: this.file.name }), remove);
    this.element = make('li', { class: 'upload' }, title, this.error, this.body);
    this.read();
  }

  /** Ask for the preview, after those that were asked for before. */
  read() {
    this.stop();
    const stopper = new AbortController();
    this.stopper = stopper;
    this.state = 'reading';
    this.body.replaceChildren(make('p', { class: 'help', text: t('input.reading', { file: this.file.name }) }));
    say(this.error, '');
    queue = queue.then(() => (stopper.signal.aborted ? null : this.ask(stopper.signal)));
  }

  async ask(signal) {
    const typed = this.box ? this.box.typed() : null;
    try {
      const found = await preview(this.file, this.kind, this.blank(), { signal });
      if (!signal.aborted) this.show(found, typed);
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      this.state = 'unread';
      this.body.replaceChildren(make('p', { class: 'help', text: t('input.unread') }));
      say(this.error, error instanceof ApiError ? error.words : t('error.bad_answer'));
      if (!(error instanceof ApiError)) console.error(error);
    }
    this.onChange();
  }

  show(found, typed) {
    const { element, player } = previewFigure(found, this.label);
    this.player = player;
    this.body.replaceChildren(element);
    this.state = 'read';
    if (this.outline) {
      this.box = makeOutline(`${this.name}_box`, found.width, found.height, player.stage, this.onChange);
      if (typed) this.box.restore(typed);
      this.boxPlace = make('div', {}, this.box.element);
      this.body.append(this.boxPlace);
    }
    this.announce(t('input.read', { file: this.file.name }));
  }

  /** Only one file can have a box: it would not be clear which one it belongs to. */
  allowBox(allowed) {
    if (!this.box) return;
    this.boxPlace.replaceChildren(allowed ? this.box.element : make('p', { class: 'help', text: t('box.one_file') }));
    this.player.stage.classList.toggle('no-box', !allowed);
  }

  /** Stop reading and playing. */
  stop() {
    if (this.stopper) this.stopper.abort();
    if (this.player) this.player.stop();
  }
}
