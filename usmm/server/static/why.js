// The explanation of an answer: heat-maps, and what each input added.

import { signedBars } from './bars.js';
import { make, newId } from './dom.js';
import { makePlayer } from './player.js';
import { percent, t } from './text.js';

const NOTES = {
  missing: 'why.note_missing',
  'not used': 'why.note_not_used',
  'no heat': 'why.note_no_heat',
  'no map': 'why.note_no_map',
};
const START = 0.6;

/** The pace of a player, from the times of its frames (s). */
function paceOf(times) {
  if (!times || times.length < 2) return null;
  const whole = times[times.length - 1] - times[0];
  return whole > 0 ? Math.max((times.length - 1) / whole, 2) : null;
}

function opacitySlider(players) {
  const id = newId('opacity');
  const words = make('output', { for: id, text: percent(START) });
  const slider = make('input', { type: 'range', id, min: 0, max: 1, step: 0.05, value: START, class: 'opacity' });
  const set = () => {
    const value = Number(slider.value);
    words.textContent = percent(value);
    slider.setAttribute('aria-valuetext', percent(value));
    for (const player of players) player.setOpacity(value);
  };
  slider.addEventListener('input', set);
  set();
  return make('div', { class: 'row slider' }, make('label', { for: id, text: t('why.opacity') }), slider, words);
}

function heatMaps(why, label, players) {
  return Object.entries(why.pictures).filter(([, pictures]) => pictures.length).map(([name, pictures]) => {
    const heat = why.heat[name] || [];
    const times = why.times ? why.times[name] : null;
    const words = label(name);
    const alt = t(heat.length ? 'why.alt' : 'why.alt_plain', { label: words });
    const player = makePlayer({ pictures, heat, times, fps: paceOf(times), label: words, alt });
    players.push(player);
    return make('figure', { class: 'map', data: { map: name } }, make('figcaption', { text: words }), player.element);
  });
}

function notes(why, label) {
  return Object.entries(why.heat_notes || {}).map(([name, note]) => make('li', {
    text: t(Object.hasOwn(NOTES, note) ? NOTES[note] : 'why.note_other', { label: label(name), note }),
  }));
}

/** The explanation; label(name) gives the words of an input or variable, players collects what may be playing. */
export function makeWhy(why, label, players) {
  const element = make('section', { class: 'why' }, make('h3', { text: t('why.heading') }));
  if (!why) {
    element.append(make('p', { class: 'help', text: t('why.none') }));
    return element;
  }
  const maps = heatMaps(why, label, players);
  const said = notes(why, label);
  if (maps.length || said.length) {
    element.append(make('h4', { text: t('why.heat') }), make('p', { class: 'help', text: t('why.heat_help', { class: why.class }) }));
  }
  if (maps.length) element.append(opacitySlider(players), make('div', { class: 'maps' }, maps));
  if (said.length) element.append(make('ul', { class: 'notes' }, said));
  const help = make('p', { class: 'help', text: t('why.contributions_help', { class: why.class }) });
  if (Object.keys(why.contributions || {}).length) {
    element.append(make('h4', { text: t('why.contributions') }), help, signedBars(why.contributions, label));
    if (why.baseline !== null) {
      const values = { probability: percent(why.baseline, 1), class: why.class };
      element.append(make('p', { class: 'help', text: t('why.baseline', values) }));
    }
  }
  if (Object.keys(why.variables || {}).length) {
    element.append(make('details', { class: 'variables' }, make('summary', { text: t('why.variables') }),
      signedBars(why.variables, label)));
  }
  return element;
}
