// All words of the page come from strings.<language>.json; what it lacks comes from strings.en.json.

let strings = {};
let language = 'en';

function wanted() {
  const asked = new URLSearchParams(location.search).get('lang') || navigator.language || 'en';
  return /^[a-z]{2,3}(-[a-z0-9]{2,8})?$/i.test(asked) ? asked : 'en';
}

async function read(name) {
  const answer = await fetch(`/static/strings.${name}.json`);
  return answer.ok ? answer.json() : null;
}

/** Load the words of the page's language. */
export async function loadText() {
  strings = (await read('en')) || {};
  const asked = wanted();
  const base = asked.toLowerCase().split('-')[0];
  language = base === 'en' ? asked : 'en';
  if (base !== 'en') {
    const own = await read(base);
    if (own) {
      strings = { ...strings, ...own };
      language = asked;
    }
  }
  document.documentElement.lang = language;
}

/** Words of a key, with {names} filled in. Numbers are written as the language does; {count} chooses the plural. */
export function t(key, values = {}) {
  let words = strings[key];
  if (words === undefined) return key;
  if (typeof words === 'object') words = words[new Intl.PluralRules(language).select(values.count)] || words.other;
  return words.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined || value === null) return whole;
    return typeof value === 'number' ? number(value) : String(value);
  });
}

/** A number with at most `digits` decimals. */
export function number(value, digits = 2) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}

/** A number with a fixed count of decimals, so that a column lines up. */
export function fixed(value, digits = 3) {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(language, options).format(value);
}

/** A share in words, with at least `digits` decimals and at most one; never '100 %' or '0 %' for what is only close to them. */
export function percent(value, digits = 0) {
  const options = { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: 1 };
  const write = (x) => new Intl.NumberFormat(language, options).format(x);
  if (value > 0.999 && value < 1) return `> ${write(0.999)}`;
  if (value > 0 && value < 0.001) return `< ${write(0.001)}`;
  return write(value);
}

/** A difference of probabilities in percentage points, with its sign. */
export function points(value) {
  const options = { maximumFractionDigits: 1, minimumFractionDigits: 1, signDisplay: 'exceptZero' };
  return t('why.points', { points: new Intl.NumberFormat(language, options).format(100 * value) });
}

/** A time in the language and zone of the reader. */
export function moment(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return String(iso);
  return new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'long' }).format(date);
}

/** Names joined as the language does. */
export function list(names, type = 'conjunction') {
  return new Intl.ListFormat(language, { type }).format(names);
}

/** Fill the page's skeleton: every element with data-text gets the words of that key. */
export function fillText(root = document) {
  for (const element of root.querySelectorAll('[data-text]')) element.textContent = t(element.dataset.text);
  document.title = t('page.title');
}
