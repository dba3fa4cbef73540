// Pictures of one input, one after the other; with heat-maps on top where there are some.

import { make, newId } from './dom.js';
import { t } from './text.js';

const DEFAULT_FPS = 5;

/** Only pictures that came inside the answer are shown: nothing is ever loaded from elsewhere. */
export function isPicture(uri) {
  return typeof uri === 'string' && /^data:image\/(png|jpeg);base64,/.test(uri);
}

/**
 * A player.
 * Options: pictures (data URIs), heat (data URIs or []), times (seconds of each or null), fps, label, alt.
 * Gives {element, stage, stop, setOpacity}; `stage` holds the picture, for a box to be drawn on.
 */
export function makePlayer({ pictures, heat = [], times = null, fps = null, label, alt }) {
  const shown = pictures.filter(isPicture);
  const overlays = heat.filter(isPicture);
  const image = make('img', { class: 'frame', alt, draggable: 'false' });
  const stage = make('div', { class: 'stage' }, image);
  const overlay = overlays.length ? make('img', { class: 'heat', alt: '', draggable: 'false' }) : null;
  if (overlay) stage.append(overlay);
  const element = make('div', { class: 'player' }, stage);
  let controls = null;

  function show(index) {
    image.src = shown[index];
    if (overlay) overlay.src = overlays[Math.min(index, overlays.length - 1)];
    if (controls) controls.told(index);
  }

  if (shown.length > 1) {
    controls = makeControls(shown.length, times, fps, label, show);
    element.append(controls.element);
  }
  if (shown.length) show(0);
  return {
    element,
    stage,
    stop: () => controls && controls.stop(),
    setOpacity: (value) => overlay && overlay.style.setProperty('opacity', String(value)),
  };
}

function makeControls(count, times, fps, label, show) {
  const frame = make('input', {
    type: 'range', min: 0, max: count - 1, step: 1, value: 0, 'aria-label': t('player.slider', { label }),
  });
  const where = make('span', { class: 'where', id: newId('where') });
  const button = make('button', { type: 'button', class: 'small play' });
  let timer = null;

  function label_button() {
    button.textContent = t(timer ? 'player.pause' : 'player.play');
    button.setAttribute('aria-label', t(timer ? 'player.pause_label' : 'player.play_label', { label }));
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    label_button();
  }
  function told(index) {
    const time = times && Number.isFinite(times[index]) ? times[index] : null;
    const key = time === null ? 'player.frame' : 'player.frame_time';
    where.textContent = t(key, { number: index + 1, count, seconds: time });
    frame.value = String(index);
    frame.setAttribute('aria-valuetext', where.textContent);
  }
  button.addEventListener('click', () => {
    if (timer) return stop();
    const pace = Math.min(Math.max(fps || DEFAULT_FPS, 1), 25);
    timer = setInterval(() => {
      if (!frame.isConnected) return stop();
      show((Number(frame.value) + 1) % count);
    }, 1000 / pace);
    label_button();
  });
  frame.addEventListener('input', () => {
    stop();
    show(Number(frame.value));
  });
  label_button();
  return { element: make('div', { class: 'controls' }, button, frame, where), told, stop };
}
