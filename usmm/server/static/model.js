// What is known of a model: purpose, classes, performance, limits, links.

import { make } from './dom.js';
import { fixed, list, t } from './text.js';

const METRICS = {
  auc: 'metric.auc',
  accuracy: 'metric.accuracy',
  balanced_accuracy: 'metric.balanced_accuracy',
  tpr: 'metric.tpr',
  tnr: 'metric.tnr',
  precision: 'metric.precision',
  f1: 'metric.f1',
  mcc: 'metric.mcc',
  brier: 'metric.brier',
  ece: 'metric.ece',
};

/** A metric's name in words. */
export function metricName(metric) {
  return Object.hasOwn(METRICS, metric) ? t(METRICS[metric]) : metric;
}

/** Only links that a browser may safely follow. */
export function safeLink(address) {
  return typeof address === 'string' && /^(https?:\/\/|\/[^/\\])/.test(address) ? address : null;
}

function fact(list_, key, ...words) {
  const shown = words.flat().filter((one) => one !== '' && one !== null && one !== undefined);
  if (shown.length) list_.append(make('dt', { text: t(key) }), make('dd', {}, shown));
}

function performanceTable(model) {
  const head = ['model.metric', 'model.value', 'model.interval'];
  const rows = model.performance.map(({ metric, value, ci95 }) => make('tr', {},
    make('th', { scope: 'row', text: metricName(metric) }),
    make('td', { text: fixed(value) }),
    make('td', { text: ci95 ? `${fixed(ci95[0])} – ${fixed(ci95[1])}` : t('model.no_interval') })));
  return make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': t('model.performance') }, make('table', {},
    make('caption', { text: t('model.performance') }),
    make('thead', {}, make('tr', {}, head.map((key) => make('th', { scope: 'col', text: t(key) })))),
    make('tbody', {}, rows)));
}

function links(model) {
  const shown = [['model.card', model.links.card], ['model.code', model.links.code], ['model.data_set', model.links.data]]
    .filter(([, address]) => safeLink(address))
    .map(([key, address]) => make('li', {}, make('a', {
      href: safeLink(address), target: '_blank', rel: 'noopener noreferrer',
    }, t(key), make('span', { class: 'unseen', text: ` ${t('page.new_tab')}` }))));
  return shown.length ? make('ul', { class: 'links' }, shown) : null;
}

/** Show a model in a place of the page. */
export function showModel(model, place) {
  const classes = list(model.classes);
  const facts = make('dl', { class: 'facts' });
  fact(facts, 'model.classes', classes, model.positive ? ` – ${t('model.positive', { positive: model.positive })}` : null);
  fact(facts, 'model.is_calibrated', t(model.calibrated ? 'model.calibrated_yes' : 'model.calibrated_no'));
  fact(facts, 'model.limits', model.limits);
  fact(facts, 'model.data', model.data);
  fact(facts, 'model.licence', model.licence);
  fact(facts, 'model.version', model.version);
  fact(facts, 'model.links', links(model));
  const known = model.performance.length ? performanceTable(model) : make('p', { text: t('model.no_performance') });
  const note = testedHow(model) ? make('p', { class: 'help', text: testedHow(model) }) : null;
  place.replaceChildren(
    make('p', { class: 'purpose', text: model.purpose }),
    make('details', { class: 'about' }, make('summary', { text: t('model.about') }), facts, known, note),
  );
}

/** The plain sentence on how well a model did in testing. */
export function testedSentence(model) {
  const found = model.performance.find(({ metric }) => metric === 'auc') || model.performance[0];
  if (!found) return [t('result.sentence_untested'), testedHow(model)].filter(Boolean).join(' ');
  const values = { metric: metricName(found.metric), value: fixed(found.value) };
  const words = found.ci95
    ? t('result.sentence_tested', { ...values, low: fixed(found.ci95[0]), high: fixed(found.ci95[1]) })
    : t('result.sentence_tested_plain', values);
  return [words, testedHow(model)].filter(Boolean).join(' ');
}

function testedHow(model) {
  const note = (model.performance_note || '').trim().replace(/\.$/, '');
  return note ? t('model.tested_how', { note }) : '';
}
