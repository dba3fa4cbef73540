// A field that files are dropped on; it is also a button that opens the chooser.

import { make } from './dom.js';

/** Give {element, button}. Options: name (field of the request), text, label (for screen readers), multiple, accept. */
export function makeZone({ name, text, label, multiple = true, accept = null, describedBy = null, onFiles }) {
  const chooser = make('input', { type: 'file', hidden: true, multiple, accept, tabindex: '-1', 'aria-label': label });
  const words = make('span', { text });
  const button = make(
    'button',
    { type: 'button', class: 'zone', 'aria-describedby': describedBy, data: { input: name } },
    make('span', { class: 'plus', text: '+', 'aria-hidden': 'true' }), words,
    make('span', { class: 'unseen', text: `: ${label}` }),
  );
  const take = (files) => {
    const found = multiple ? [...files] : [...files].slice(0, 1);
    if (found.length) onFiles(found);
  };
  button.addEventListener('click', () => chooser.click());
  chooser.addEventListener('change', () => {
    take(chooser.files);
    chooser.value = '';
  });
  for (const event of ['dragenter', 'dragover']) {
    button.addEventListener(event, (e) => {
      e.preventDefault();
      button.classList.add('over');
    });
  }
  for (const event of ['dragleave', 'drop']) button.addEventListener(event, () => button.classList.remove('over'));
  button.addEventListener('drop', (event) => {
    event.preventDefault();
    take(event.dataTransfer.files);
  });
  return { element: make('div', { class: 'zone-box' }, button, chooser), button, say: (value) => { words.textContent = value; } };
}

/** A file that misses its field must not be opened by the browser in place of the page. */
export function guardDrops() {
  for (const event of ['dragover', 'drop']) window.addEventListener(event, (e) => e.preventDefault());
}
