// The images of one patient: a field for each modality, with its files, box and mask.

import { make, newId, say } from './dom.js';
import { list, t } from './text.js';
import { Upload } from './upload.js';
import { makeZone } from './zone.js';

/** The files of one field of the request. */
class Files {
  constructor(options) {
    Object.assign(this, options);
    this.uploads = [];
    this.error = make('p', { class: 'error', role: 'alert', id: newId('error'), hidden: true });
    this.list = make('ul', { class: 'uploads' });
    this.zone = makeZone({
      name: this.name, text: this.first, label: this.label, multiple: this.multiple, describedBy: this.error.id,
      onFiles: (files) => this.add(files),
    });
    this.element = make('div', { class: 'files' }, this.list, this.zone.element, this.error);
  }

  add(files) {
    this.fail('');
    if (!this.multiple) this.clear();
    for (const file of files) {
      const upload = new Upload({
        file, name: this.name, kind: this.kind, label: this.label, outline: this.outline, blank: this.blank,
        announce: this.announce, onChange: () => this.changed(), onRemove: (one) => this.remove(one),
      });
      this.uploads.push(upload);
      this.list.append(upload.element);
    }
    this.changed();
  }

  remove(upload) {
    upload.stop();
    upload.element.remove();
    this.uploads = this.uploads.filter((one) => one !== upload);
    this.fail('');
    this.changed();
    this.announce(t('input.removed', { file: upload.file.name }));
    this.zone.button.focus();
  }

  clear() {
    for (const upload of this.uploads) upload.stop();
    this.uploads = [];
    this.list.replaceChildren();
  }

  changed() {
    for (const upload of this.uploads) upload.allowBox(this.uploads.length === 1);
    const again = t(this.multiple ? 'input.choose_more' : 'input.replace');
    this.zone.say(this.uploads.length ? again : this.first);
    this.onChange();
  }

  fail(words) {
    say(this.error, words);
    this.zone.button.toggleAttribute('data-invalid', Boolean(words));
  }
}

/** All image fields of a model. Options: announce(words), onChange(), blank(): 'auto' or 'stated'. */
export class Inputs {
  constructor(model, place, options) {
    this.model = model;
    this.options = options;
    this.images = new Map();
    this.masks = new Map();
    place.replaceChildren(...model.inputs.map((input) => this.section(input)));
  }

  section(input) {
    const { name, label, kind, required, outline } = input;
    const first = t(kind === 'clip' ? 'input.choose_clip' : 'input.choose_image');
    const files = new Files({ ...this.options, name, label, kind, outline, first, multiple: input.multiple === true });
    this.images.set(name, files);
    const needed = required || (this.model.inputs.length === 1 && this.model.streams.length === 0);
    const state = make('span', {
      class: needed ? 'tag needed' : 'tag', text: t(needed ? 'input.required' : 'input.optional'),
    });
    const title = make('h3', { id: newId('title') }, label, ' ', state);
    return make('section', { class: 'input card', 'aria-labelledby': title.id }, title, files.element,
      outline ? this.maskPart(name, label) : null);
  }

  maskPart(name, label) {
    const mask = new Files({
      ...this.options, name: `${name}_mask`, label: `${t('input.mask')}, ${label}`, kind: 'image', outline: false,
      first: t('input.mask_choose'), multiple: true, blank: () => 'stated',
    });
    this.masks.set(`${name}_mask`, mask);
    return make('details', { class: 'mask' }, make('summary', { text: t('input.mask') }),
      make('p', { class: 'help', text: t('input.mask_help') }), mask.element);
  }

  all() {
    return [...this.images.values(), ...this.masks.values()];
  }

  uploads() {
    return this.all().flatMap((files) => files.uploads);
  }

  /** Read all files again: how they are blanked has changed. */
  readAgain() {
    for (const files of this.images.values()) for (const upload of files.uploads) upload.read();
    this.options.onChange();
  }

  get reading() {
    return this.uploads().some((upload) => upload.state === 'reading');
  }

  label(name) {
    const found = this.model.inputs.find((input) => input.name === name);
    return found ? found.label : name === 'clinical' ? t('why.clinical') : name;
  }

  /** Sets of inputs of which the model needs one whole, in words. */
  sets() {
    return this.model.streams.map((names) => list(names.map((name) => this.label(name))));
  }

  /** What is still missing, in words, and the first field of it. `clinical`: whether a clinical value is given. */
  missing(clinical) {
    const has = (name) => (name === 'clinical' ? clinical : (this.images.get(name)?.uploads.length ?? 0) > 0);
    const absent = this.model.inputs.filter(({ name, required }) => required && !has(name));
    const words = absent.map(({ label }) => label);
    let field = absent.length ? absent[0].name : null;
    const { streams } = this.model;
    if (streams.length && !streams.some((names) => names.every(has))) {
      const near = [...streams].sort((a, b) => part(b, has) - part(a, has))[0].filter((name) => !has(name));
      const sets = list(this.sets().map((set) => `(${set})`), 'disjunction');
      words.push(streams.length > 1 ? t('send.one_of', { sets }) : list(near.map((name) => this.label(name))));
      field = field || near[0];
    }
    return { words, field };
  }

  /** Labels of the inputs that have a file but neither box nor mask, where the model would use one. */
  withoutOutline() {
    const bare = ({ name, outline }) => {
      const uploads = this.images.get(name).uploads.filter(({ state }) => state === 'read');
      if (!outline || !uploads.length || this.masks.get(`${name}_mask`).uploads.length) return false;
      return !(uploads.length === 1 && uploads[0].box && uploads[0].box.value());
    };
    return this.model.inputs.filter(bare).map(({ label }) => label);
  }

  /** The first field that may not be sent as it is, or null. */
  check() {
    for (const files of this.all()) {
      const unread = files.uploads.find((upload) => upload.state === 'unread');
      if (unread) return files.zone.button;
    }
    for (const files of this.images.values()) {
      const box = files.uploads.length === 1 ? files.uploads[0].box : null;
      if (box && !box.check()) return box.field;
    }
    return null;
  }

  /** Put everything into a form. Names of files stay here. */
  fill(form) {
    for (const [name, files] of this.images) {
      const box = files.uploads.length === 1 && files.uploads[0].box ? files.uploads[0].box.value() : '';
      if (box) form.append(`${name}_box`, box);
    }
    for (const files of this.all()) for (const { file } of files.uploads) form.append(files.name, file, 'file');
  }

  /** Show words at the field that they are about; gives what gets the focus, or null for a field that is not here. */
  fail(name, words) {
    const files = this.images.get(name) || this.masks.get(name);
    if (files) {
      files.fail(words);
      const details = files.element.closest('details');
      if (details) details.open = true;
      return files.zone.button;
    }
    const owner = name.endsWith('_box') ? this.images.get(name.slice(0, -4)) : null;
    const box = owner && owner.uploads.length === 1 ? owner.uploads[0].box : null;
    if (!box) return null;
    say(box.error, words);
    box.element.open = true;
    return box.field;
  }

  /** Take all error lines away. */
  calm() {
    for (const files of this.all()) files.fail('');
  }

  clear() {
    for (const files of this.all()) {
      files.clear();
      files.fail('');
      files.changed();
    }
  }
}

function part(names, has) {
  return names.filter(has).length / names.length;
}
