// Signing in with a token. This file stands alone: without a token the server gives nothing but login.* away.

const words = {};

async function load(language) {
  const answer = await fetch(`/static/login.${language}.json`);
  if (answer.ok) Object.assign(words, await answer.json());
  return answer.ok;
}

async function start() {
  await load('en');
  const asked = (new URLSearchParams(location.search).get('lang') || navigator.language || 'en').toLowerCase().split('-')[0];
  if (/^[a-z]{2,3}$/.test(asked) && asked !== 'en' && (await load(asked))) document.documentElement.lang = asked;
  for (const element of document.querySelectorAll('[data-text]')) element.textContent = words[element.dataset.text];
  document.title = words['login.title'];
  const form = document.getElementById('login');
  form.addEventListener('submit', send);
  form.elements.token.focus();
}

function fail(text) {
  const field = document.getElementById('token');
  document.getElementById('error').textContent = text;
  field.setAttribute('aria-invalid', 'true');
  field.focus();
  field.select();
}

async function send(event) {
  event.preventDefault();
  document.getElementById('error').textContent = '';
  let answer;
  try {
    const token = document.getElementById('token').value.trim();
    answer = await fetch('/session', { method: 'POST', body: new URLSearchParams({ token }) });
  } catch {
    return fail(words['login.network']);
  }
  if (answer.ok) {
    sessionStorage.setItem('usmm-signed-in', 'yes');
    return location.reload();
  }
  return fail(answer.status === 429 ? words['login.wait'] : words['login.wrong']);
}

start();
