// The box around the lesion: drawn on the preview, or typed. Whole pixels of the file, ends excluded.

import { make, newId, say } from './dom.js';
import { t } from './text.js';

const SIDES = ['box.left', 'box.top', 'box.right', 'box.bottom'];

/**
 * A tool to give a box.
 * name: field of the request; width, height: of the file in pixels; stage: element that holds the picture.
 * Gives {element, value(): 'x0,y0,x1,y1' or '', check(): whether it may be sent, field, error, typed, restore}.
 */
export function makeOutline(name, width, height, stage, onChange) {
  const error = make('p', { class: 'error', role: 'alert', id: newId('box-error'), hidden: true });
  const fields = SIDES.map((key, i) => make('input', {
    type: 'text', inputmode: 'numeric', autocomplete: 'off', id: newId('box'), class: 'pixel',
    'aria-describedby': error.id, data: i === 0 ? { input: name } : {},
  }));
  const mark = make('div', { class: 'box', hidden: true });
  stage.append(mark);

  const texts = () => fields.map((field) => field.value.trim());
  function corners() {
    const found = texts().map((text) => (/^\d+$/.test(text) ? Number(text) : NaN));
    const [x0, y0, x1, y1] = found;
    return x0 < x1 && y0 < y1 && x1 <= width && y1 <= height ? found : null;
  }
  function changed() {
    const box = corners();
    mark.hidden = !box;
    if (box) {
      const [x0, y0, x1, y1] = box;
      mark.style.setProperty('left', `${(100 * x0) / width}%`);
      mark.style.setProperty('top', `${(100 * y0) / height}%`);
      mark.style.setProperty('width', `${(100 * (x1 - x0)) / width}%`);
      mark.style.setProperty('height', `${(100 * (y1 - y0)) / height}%`);
      clearError();
    }
    onChange();
  }
  function clearError() {
    say(error, '');
    for (const field of fields) field.removeAttribute('aria-invalid');
  }
  function check() {
    const good = texts().every((text) => text === '') || corners() !== null;
    say(error, good ? '' : t('box.bad', { width: String(width), height: String(height) }));
    for (const field of fields) field.setAttribute('aria-invalid', String(!good));
    if (!good) element.open = true;
    return good;
  }
  function set(box) {
    fields.forEach((field, i) => { field.value = box ? String(box[i]) : ''; });
    clearError();
    changed();
  }
  for (const field of fields) field.addEventListener('input', changed);

  const draw = drawButton(stage, width, height, set);
  const clear = make('button', { type: 'button', class: 'small', text: t('box.clear'), on: { click: () => set(null) } });
  const inputs = fields.map((field, i) => (
    make('div', { class: 'corner' }, make('label', { for: field.id, text: t(SIDES[i]) }), field)
  ));
  const element = make(
    'details', { class: 'outline' },
    make('summary', { text: t('box.heading') }),
    make('p', { class: 'help', text: t('box.help') }),
    make('div', { class: 'row' }, draw, clear),
    make('div', { class: 'corners' }, inputs),
    error,
  );
  return {
    element,
    check,
    field: fields[0],
    error,
    value: () => (corners() || []).join(','),
    typed: () => fields.map((field) => field.value),
    restore: (values) => {
      fields.forEach((field, i) => { field.value = values[i] || ''; });
      changed();
    },
  };
}

function drawButton(stage, width, height, set) {
  const button = make('button', { type: 'button', class: 'small draw', 'aria-pressed': 'false', text: t('box.draw') });
  let start = null;
  function armed(on) {
    stage.classList.toggle('drawing', on);
    button.setAttribute('aria-pressed', String(on));
    button.textContent = t(on ? 'box.drawing' : 'box.draw');
    start = null;
  }
  function place(event) {
    const { left, top, width: w, height: h } = stage.getBoundingClientRect();
    const inside = (share) => Math.min(Math.max(share, 0), 1);
    return [inside((event.clientX - left) / w) * width, inside((event.clientY - top) / h) * height];
  }
  function drawn(event) {
    const [x, y] = place(event);
    const low = [Math.floor(Math.min(x, start[0])), Math.floor(Math.min(y, start[1]))];
    const high = [Math.ceil(Math.max(x, start[0])), Math.ceil(Math.max(y, start[1]))];
    if (high[0] > low[0] && high[1] > low[1]) set([...low, ...high]);
  }
  button.addEventListener('click', () => armed(button.getAttribute('aria-pressed') === 'false'));
  stage.addEventListener('pointerdown', (event) => {
    if (!stage.classList.contains('drawing') || !event.isPrimary || event.button !== 0) return;
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    start = place(event);
  });
  stage.addEventListener('pointermove', (event) => start && drawn(event));
  stage.addEventListener('pointerup', (event) => {
    if (!start) return;
    drawn(event);
    armed(false);
  });
  stage.addEventListener('pointercancel', () => { start = null; });
  return button;
}
