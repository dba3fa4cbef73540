// Bars with their numbers as text: the text says it all, the bar only repeats it.

import { make } from './dom.js';
import { percent, points } from './text.js';

const LEAST = 0.1; // shares that are all small are drawn small

function row(label, words, value, bar, chosen = false) {
  const number = make('data', { class: 'number', value: String(value), text: words });
  return make('li', { class: chosen ? 'bar-row chosen' : 'bar-row' },
    make('span', { class: 'bar-label', text: label }), number,
    make('span', { class: 'track', 'aria-hidden': 'true' }, bar));
}

/** Class -> probability as a list of bars; the chosen class stands out. */
export function probabilityBars(probabilities, chosen) {
  return make('ul', { class: 'bars' }, Object.entries(probabilities).map(([name, value]) => {
    const bar = make('span', { class: 'bar' });
    bar.style.setProperty('width', `${100 * Math.min(Math.max(value, 0), 1)}%`);
    return row(name, percent(value, 1), value, bar, name === chosen);
  }));
}

/** Name -> signed share as bars to the right (for) and to the left (against); label(name) gives its words. */
export function signedBars(shares, label) {
  const largest = Math.max(...Object.values(shares).map(Math.abs), LEAST);
  return make('ul', { class: 'bars signed' }, Object.entries(shares).map(([name, value]) => {
    const bar = make('span', { class: value < 0 ? 'bar against' : 'bar for' });
    const length = (50 * Math.abs(value)) / largest;
    bar.style.setProperty('width', `${length}%`);
    bar.style.setProperty('left', `${value < 0 ? 50 - length : 50}%`);
    return row(label(name), points(value), value, bar);
  }));
}
