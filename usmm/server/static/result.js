// The answer, and the report that is printed of it.

import { probabilityBars } from './bars.js';
import { make, newId } from './dom.js';
import { testedSentence } from './model.js';
import { fixed, moment, percent, t } from './text.js';
import { previewFigure } from './upload.js';
import { makeWhy } from './why.js';

/** One answer on the page. `label(name)` gives the words of an input or variable. */
export class Result {
  constructor(answer, model, label) {
    Object.assign(this, { answer, model, label });
    this.players = [];
    this.stale = make('p', { class: 'warning stale', role: 'status', hidden: true });
    this.heading = make('h2', { text: t('result.heading'), tabindex: '-1', id: 'result-heading' });
    this.element = make('div', { class: 'report' }, this.heading,
      make('p', { class: 'research', text: t('research.result') }), this.stale, this.sentence(), this.scores(),
      this.warnings(), makeWhy(answer.explanation, label, this.players), this.inputs(), this.facts(), this.note(),
      make('div', { class: 'row no-print' }, make('button', {
        type: 'button', text: t('result.print'), on: { click: () => window.print() },
      })));
  }

  /** Say that the inputs are not those of this answer any more. */
  outdate() {
    this.stale.hidden = false;
    this.stale.textContent = t('result.stale');
  }

  stop() {
    for (const player of this.players) player.stop();
  }

  sentence() {
    const { predicted, probabilities, calibrated } = this.answer;
    const words = [t('result.sentence', { probability: percent(probabilities[predicted], 1), class: predicted })];
    if (calibrated) words.push(t('result.sentence_calibrated', { probability: percent(calibrated[predicted], 1) }));
    return make('p', { class: 'sentence' }, make('strong', { text: words.join(' ') }), ` ${testedSentence(this.model)}`);
  }

  scores() {
    const { predicted, probabilities, calibrated, stages } = this.answer;
    const block = (key, values, name) => make('div', { class: 'scores', data: { scores: name } },
      make('h3', { text: t(key) }), probabilityBars(values, predicted));
    return make('div', { class: 'score-grid' },
      block('result.probabilities', probabilities, 'final'),
      calibrated ? block('result.calibrated', calibrated, 'calibrated') : null,
      stages && stages.image ? block('result.images_alone', stages.image, 'image') : null);
  }

  warnings() {
    const { warnings } = this.answer;
    const lines = warnings.length ? warnings : [t('result.no_warnings')];
    return make('section', { class: warnings.length ? 'warning' : '' },
      make('h3', { text: t('result.warnings') }), make('ul', { class: 'warnings' }, lines.map((text) => make('li', { text }))),
      this.model.limits ? make('h3', { text: t('result.limits') }) : null,
      this.model.limits ? make('p', { text: this.model.limits }) : null);
  }

  inputs() {
    const figures = this.answer.inputs.map((found) => {
      const words = this.label(found.name || '');
      const { element, player } = previewFigure(found, words);
      this.players.push(player);
      element.prepend(make('h4', { text: words }));
      return element;
    });
    const values = Object.entries(this.answer.values || {});
    const table = make('dl', { class: 'facts values' }, values.map(([name, value]) => (
      [make('dt', { text: this.label(name) }), make('dd', { text: this.valueWords(name, value) })]
    )));
    return make('section', {}, make('h3', { text: t('result.inputs') }), make('div', { class: 'maps' }, figures),
      make('h4', { text: t('result.values') }),
      values.length ? table : make('p', { class: 'help', text: t('result.no_values') }));
  }

  valueWords(name, value) {
    const variable = this.model.variables.find((one) => one.name === name);
    if (value === null || value === '') return t('clinical.unknown');
    return variable && variable.unit ? `${value} ${variable.unit}` : String(value);
  }

  facts() {
    const { made, request, seconds, model } = this.answer;
    const took = Object.fromEntries(Object.entries(seconds).map(([name, value]) => [name, fixed(value, 1)]));
    const rows = [
      ['model.choose', this.model.title === model ? model : `${this.model.title} (${model})`], ['model.version', this.model.version],
      ['result.made', moment(made)], ['result.request', request], ['result.took', t('result.took_value', took)],
    ];
    return make('section', {}, make('h3', { text: t('result.facts') }), make('dl', { class: 'facts' },
      rows.map(([key, words]) => [make('dt', { text: t(key) }), make('dd', { text: words })])));
  }

  note() {
    const id = newId('note');
    const printed = make('p', { class: 'note-text' });
    const block = make('div', { class: 'print-only', hidden: true }, make('h3', { text: t('result.note_printed') }), printed);
    const field = make('textarea', { id, rows: 3, autocomplete: 'off', 'aria-describedby': `${id}-help` });
    field.addEventListener('input', () => {
      printed.textContent = field.value;
      block.hidden = !field.value.trim();
    });
    return make('section', {}, make('div', { class: 'no-print' },
      make('label', { for: id, text: t('result.note') }), field,
      make('p', { class: 'help', id: `${id}-help`, text: t('result.note_help') })), block);
  }
}
