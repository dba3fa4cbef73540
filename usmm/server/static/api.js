// The server's API. Every failure becomes an ApiError with a code that strings.en.json has words for.

import { t } from './text.js';

const BASE = '/api/v1';
const TRIES = 8;
const WORDS = {
  bad_request: 'error.bad_request',
  unauthorized: 'error.unauthorized',
  forbidden: 'error.forbidden',
  not_found: 'error.not_found',
  timeout: 'error.timeout',
  too_large: 'error.too_large',
  bad_type: 'error.bad_type',
  unreadable: 'error.unreadable',
  missing_input: 'error.missing_input',
  bad_value: 'error.bad_value',
  busy: 'error.busy',
  failed: 'error.failed',
  stopping: 'error.stopping',
  network: 'error.network',
  bad_answer: 'error.bad_answer',
};

/** A request without an answer: code, the server's own words, and the field that it is about. */
export class ApiError extends Error {
  constructor(code, detail = '', input = null) {
    super(code);
    this.code = code;
    this.detail = detail;
    this.input = input;
  }

  /** For the person: the page's words, then the server's. */
  get words() {
    const own = t(WORDS[this.code] || 'error.failed');
    return this.detail && this.code !== 'failed' ? `${own} (${this.detail})` : own;
  }
}

function failure(status, text) {
  try {
    const { code, message, input } = JSON.parse(text).error;
    return new ApiError(String(code), String(message || ''), input || null);
  } catch {
    return new ApiError(status === 413 ? 'too_large' : status === 429 ? 'busy' : 'bad_answer');
  }
}

/** GET as JSON. */
export async function get(path) {
  let answer;
  try {
    answer = await fetch(BASE + path, { headers: { Accept: 'application/json' } });
  } catch {
    throw new ApiError('network');
  }
  const text = await answer.text();
  if (!answer.ok) throw failure(answer.status, text);
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError('bad_answer');
  }
}

function once(path, form, accept, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open('POST', BASE + path);
    request.setRequestHeader('Accept', accept);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => resolve({ status: request.status, text: request.responseText, request });
    request.onerror = () => reject(new ApiError('network'));
    request.onabort = () => reject(new DOMException('', 'AbortError'));
    request.onloadend = () => signal.removeEventListener('abort', stop);
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    else request.send(form);
  });
}

function pause(seconds, signal, onWait) {
  return new Promise((resolve, reject) => {
    let left = seconds;
    onWait(left);
    const timer = setInterval(() => {
      left -= 1;
      if (left > 0) return onWait(left);
      clearInterval(timer);
      resolve();
    }, 1000);
    signal.addEventListener('abort', () => {
      clearInterval(timer);
      reject(new DOMException('', 'AbortError'));
    });
  });
}

/**
 * POST a form. A busy server (429) is asked again after the time that it names.
 * Options: accept, signal, onProgress (share of the upload that is sent), onWait (seconds until the next try).
 */
export async function post(path, form, options = {}) {
  const { accept = 'application/json', signal = new AbortController().signal } = options;
  const { onProgress = () => {}, onWait = () => {} } = options;
  for (let i = 1; ; i += 1) {
    const { status, text, request } = await once(path, form, accept, signal, onProgress);
    if (status === 429 && i < TRIES) {
      const asked = Number(request.getResponseHeader('Retry-After'));
      await pause(Math.min(Math.max(asked || 2, 1), 60), signal, onWait);
      continue;
    }
    if (status < 200 || status > 299) throw failure(status, text);
    if (accept !== 'application/json') return text;
    try {
      return JSON.parse(text);
    } catch {
      throw new ApiError('bad_answer');
    }
  }
}

/** What a file holds, as the model would see it. The file's name stays here. */
export function preview(file, kind, blank, options) {
  const form = new FormData();
  form.append('kind', kind);
  form.append('blank', blank);
  form.append('file', file, 'file');
  return post('/preview', form, options);
}

/** Whether an error only says that somebody stopped a request. */
export function isAbort(error) {
  return error instanceof DOMException && error.name === 'AbortError';
}
