// The page: one patient's inputs, the question, the answer.

import { ApiError, get, isAbort, post } from './api.js';
import { Batch } from './batch.js';
import { Clinical } from './clinical.js';
import { byId, focusOn, make, say } from './dom.js';
import { Inputs } from './inputs.js';
import { showModel } from './model.js';
import { Result } from './result.js';
import { fillText, list, loadText, percent, t } from './text.js';
import { guardDrops } from './zone.js';

const page = { models: [], model: null, inputs: null, clinical: null, result: null, stopper: null, changes: 0, batch: null };

const announce = (words) => { byId('live').textContent = words; };
const blank = () => (byId('blank').checked ? 'stated' : 'auto');

function changed() {
  page.changes += 1;
  if (page.result) page.result.outdate();
  tellMissing();
}

/** Say beside the button what it waits for. */
function tellMissing() {
  const { words } = page.inputs.missing(page.clinical.given);
  if (words.length) byId('missing').textContent = t('send.missing', { list: list(words) });
  else byId('missing').textContent = t(page.inputs.reading ? 'send.reading' : 'send.ready');
  const bare = page.inputs.reading ? [] : page.inputs.withoutOutline();
  say(byId('bare'), bare.length ? t('send.no_outline', { list: list(bare) }) : '');
  byId('send').classList.toggle('waits', words.length > 0);
}

function choose(id) {
  const model = page.models.find((one) => one.id === id) || page.models[0];
  forget();
  if (page.inputs) page.inputs.clear();
  page.model = model;
  showModel(model, byId('model-facts'));
  page.inputs = new Inputs(model, byId('inputs'), { announce, onChange: changed, blank });
  page.clinical = new Clinical(model, byId('values'), { onChange: changed });
  byId('clinical').hidden = model.variables.length === 0;
  const sets = page.inputs.sets();
  say(byId('streams'), sets.length > 1
    ? t('input.stream_help', { sets: list(sets.map((set) => `(${set})`), 'disjunction') }) : '');
  page.batch.outdate();
  tellMissing();
}

/** Stop what runs and take the last answer away. */
function forget() {
  if (page.stopper) page.stopper.abort();
  page.stopper = null;
  if (page.result) page.result.stop();
  page.result = null;
  byId('result').replaceChildren();
  byId('result').hidden = true;
  say(byId('form-error'), '');
  byId('status').textContent = '';
  busy(false);
}

function reset() {
  forget();
  page.inputs.clear();
  page.clinical.clear();
  byId('blank').checked = false;
  byId('explain').checked = true;
  page.batch.clear();
  tellMissing();
  window.scrollTo(0, 0);
  focusOn(byId('inputs-heading'));
  announce(t('page.reset_done'));
}

function busy(on) {
  byId('send').disabled = on;
  byId('cancel').hidden = !on;
  byId('progress').hidden = !on;
  if (!on) byId('progress').value = 0;
}

function progress(part) {
  const bar = byId('progress');
  if (part < 1) bar.value = part;
  else bar.removeAttribute('value');
  byId('status').textContent = part < 1 ? t('send.uploading', { part: percent(part) }) : t('send.working');
}

/** Words beside the field that they are about, and the focus there; else in front of the button. */
function fail(words, name) {
  byId('status').textContent = '';
  const field = name ? page.inputs.fail(name, words) || page.clinical.fail(name, words) : null;
  say(byId('form-error'), field ? t('send.check') : words);
  focusOn(field || byId('form-error'));
}

/** Whether the inputs may be sent; says why not. */
function ready() {
  page.inputs.calm();
  say(byId('form-error'), '');
  const bad = page.inputs.check() || page.clinical.check();
  if (bad) {
    say(byId('form-error'), t('send.check'));
    focusOn(bad);
    return false;
  }
  const { words, field } = page.inputs.missing(page.clinical.given);
  if (!words.length) return true;
  fail(`${t('send.missing_input')} ${t('send.missing', { list: list(words) })}`, field);
  return false;
}

async function send(event) {
  event.preventDefault();
  if (page.stopper || !ready()) return;
  forget();
  const { model, inputs, clinical, changes } = page;
  const form = new FormData();
  form.append('explain', String(byId('explain').checked));
  form.append('blank', blank());
  clinical.fill(form);
  inputs.fill(form);
  const stopper = new AbortController();
  page.stopper = stopper;
  busy(true);
  byId('status').textContent = t('send.working');
  try {
    const path = `/models/${encodeURIComponent(model.id)}/predictions`;
    const options = { signal: stopper.signal, onProgress: progress, onWait: waits };
    const answer = await post(path, form, options);
    if (!stopper.signal.aborted) show(answer, model, inputs, changes);
  } catch (error) {
    if (page.stopper !== stopper) return;
    if (isAbort(error)) byId('status').textContent = t('send.cancelled');
    else if (error instanceof ApiError) fail(error.words, error.input);
    else {
      console.error(error);
      fail(t('error.bad_answer'), null);
    }
  } finally {
    if (page.stopper === stopper) {
      page.stopper = null;
      busy(false);
    }
  }
}

function waits(count) {
  byId('status').textContent = t('send.waiting', { count });
}

function show(answer, model, inputs, changes) {
  const label = (name) => {
    const variable = model.variables.find((one) => one.name === name);
    const masked = name.endsWith('_mask') ? inputs.label(name.slice(0, -5)) : null;
    return variable ? variable.label : masked ? `${t('input.mask')}, ${masked}` : inputs.label(name);
  };
  page.result = new Result(answer, model, label);
  if (page.changes !== changes) page.result.outdate();
  byId('result').replaceChildren(page.result.element);
  byId('result').hidden = false;
  byId('status').textContent = '';
  focusOn(page.result.heading);
  page.result.heading.scrollIntoView({ block: 'start' });
}

async function start() {
  await loadText();
  fillText();
  guardDrops();
  document.body.classList.remove('loading');
  if (sessionStorage.getItem('usmm-signed-in')) byId('sign-out').hidden = false;
  byId('sign-out').addEventListener('click', signOut);
  let version;
  try {
    [{ models: page.models }, version] = await Promise.all([get('/models'), get('/version')]);
  } catch (error) {
    say(byId('page-error'), error instanceof ApiError ? error.words : t('error.bad_answer'));
    return;
  }
  byId('version').textContent = t('page.version', version);
  if (!page.models.length) return say(byId('page-error'), t('model.none'));
  byId('model').replaceChildren(...page.models.map(({ id, title }) => make('option', { value: id, text: title })));
  page.batch = new Batch(() => page.model);
  byId('model').addEventListener('change', () => choose(byId('model').value));
  byId('blank').addEventListener('change', () => page.inputs.readAgain());
  byId('explain').addEventListener('change', changed);
  byId('reset').addEventListener('click', reset);
  byId('cancel').addEventListener('click', () => page.stopper && page.stopper.abort());
  byId('patient').addEventListener('submit', send);
  window.addEventListener('beforeprint', () => {
    for (const details of byId('result').querySelectorAll('details')) details.open = true;
  });
  // A page that comes back from the browser's memory must not show the last patient.
  window.addEventListener('pageshow', (event) => event.persisted && location.reload());
  choose(page.models[0].id);
  byId('work').hidden = false;
}

async function signOut() {
  await fetch('/session', { method: 'DELETE' });
  sessionStorage.removeItem('usmm-signed-in');
  location.replace('/');
}

start();
