// Fields of the clinical values, as the model's schema describes them.

import { make, newId, say } from './dom.js';
import { number, t } from './text.js';

let pressed = false;
for (const event of ['pointerdown', 'pointerup', 'pointercancel']) {
  window.addEventListener(event, () => { pressed = event === 'pointerdown'; }, true);
}

/** Run now, or after the press that is under way: new words would move the button away from under the pointer. */
function afterPress(run) {
  if (!pressed) run();
  else window.addEventListener('pointerup', () => setTimeout(run, 0), { once: true });
}

/** Clinical fields of a model. Options: onChange(). */
export class Clinical {
  constructor(model, place, { onChange }) {
    this.fields = new Map();
    place.replaceChildren(...model.variables.map((variable) => this.row(variable, onChange)));
  }

  row(variable, onChange) {
    const { name, label, kind, unit, range, values } = variable;
    const id = newId('value');
    const error = make('p', { class: 'error', role: 'alert', id: `${id}-error`, hidden: true });
    const help = range && make('span', {
      class: 'help', id: `${id}-help`, text: t('clinical.range', { low: range[0], high: range[1], unit: unit || '' }),
    });
    const about = [help && help.id, error.id].filter(Boolean).join(' ');
    const common = { id, autocomplete: 'off', 'aria-describedby': about, data: { input: name } };
    const field = kind === 'category'
      ? make('select', common, make('option', { value: '', text: t('clinical.unknown') }),
        (values || []).map((value) => make('option', { value, text: value })))
      : make('input', { ...common, type: 'text', inputmode: 'decimal', placeholder: t('clinical.unknown') });
    const entry = { variable, field, error };
    this.fields.set(name, entry);
    field.addEventListener('input', () => {
      this.told(entry, '');
      onChange();
    });
    field.addEventListener('change', () => afterPress(() => this.checkOne(entry)));
    return make('div', { class: 'value' }, make('label', { for: id, text: label }),
      make('div', { class: 'with-unit' }, field, unit ? make('span', { class: 'unit', text: unit, 'aria-hidden': 'true' }) : null),
      help, error);
  }

  told({ field, error }, words) {
    say(error, words);
    field.setAttribute('aria-invalid', String(Boolean(words)));
  }

  /** Whether one field may be sent; says why not beside it. */
  checkOne(entry) {
    const { variable, field } = entry;
    const { label, kind, unit, range } = variable;
    const text = field.value.trim();
    let words = '';
    if (text && kind !== 'category') {
      const found = plainNumber(text);
      const low = range ? range[0] : null;
      const high = range ? range[1] : null;
      if (/^[-+]?\d{1,3}([,.' ]\d{3})+[,.]\d+$/.test(text) || /^[-+]?\d{1,3}([,' ]\d{3})+$/.test(text)) {
        words = t('clinical.thousands', { label });
      } else if (found === null) words = t('clinical.not_number', { label });
      else if (range && (found < low || found > high)) {
        words = t('clinical.out_of_range', { label, low: number(low), high: number(high), unit: unit || '' });
      }
    }
    this.told(entry, words);
    return words === '';
  }

  /** The first field that may not be sent, or null. */
  check() {
    const bad = [...this.fields.values()].filter((entry) => !this.checkOne(entry));
    return bad.length ? bad[0].field : null;
  }

  get given() {
    return [...this.fields.values()].some(({ field }) => field.value.trim() !== '');
  }

  /** Put what is known into a form. */
  fill(form) {
    for (const [name, { variable, field }] of this.fields) {
      const text = field.value.trim();
      if (text) form.append(name, variable.kind === 'category' ? field.value : String(plainNumber(text)));
    }
  }

  fail(name, words) {
    const entry = this.fields.get(name);
    if (!entry) return null;
    this.told(entry, words);
    return entry.field;
  }

  clear() {
    for (const entry of this.fields.values()) {
      entry.field.value = '';
      this.told(entry, '');
    }
  }
}

/** A number as people write it, with a point or a comma; null for anything else. */
export function plainNumber(text) {
  return /^[-+]?\d+([.,]\d*)?$|^[-+]?[.,]\d+$/.test(text) ? Number(text.replace(',', '.')) : null;
}
