// A table of cases and its files, answered row by row.

import { ApiError, isAbort, post } from './api.js';
import { parseCsv } from './csv.js';
import { byId, focusOn, make, newId, say } from './dom.js';
import { fixed, percent, t } from './text.js';
import { makeZone } from './zone.js';

/** The part of the page for many patients. model(): the model that is chosen. */
export class Batch {
  constructor(model) {
    this.model = model;
    this.table = null;
    this.files = [];
    this.address = null;
    this.stopper = null;
    this.errors = { table: byId('batch-table-error'), files: byId('batch-files-error'), null: byId('batch-error') };
    this.zones = {
      table: this.zone('table', 'batch.table', 'batch.table_choose', false, '.csv,.xlsx'),
      files: this.zone('files', 'batch.files', 'batch.files_choose', true, null),
    };
    byId('batch-table').replaceChildren(this.zones.table.element);
    byId('batch-files').replaceChildren(this.zones.files.element);
    byId('batch-send').addEventListener('click', () => this.send());
    byId('batch-cancel').addEventListener('click', () => this.stopper && this.stopper.abort());
  }

  zone(name, label, first, multiple, accept) {
    return makeZone({
      name, label: t(label), text: t(first), multiple, accept, describedBy: this.errors[name].id,
      onFiles: (files) => {
        if (name === 'table') [this.table] = files;
        else this.files = [...this.files, ...files];
        this.outdate();
        this.told();
      },
    });
  }

  /** Rows that are shown must be those of the files that are chosen. */
  outdate() {
    if (this.stopper) this.stopper.abort();
    for (const error of Object.values(this.errors)) say(error, '');
    byId('batch-result').replaceChildren();
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
    say(byId('batch-status'), '');
  }

  told() {
    this.zones.table.say(this.table ? this.table.name : t('batch.table_choose'));
    const count = this.files.length;
    this.zones.files.say(count ? t('batch.count', { count }) : t('batch.files_choose'));
  }

  clear() {
    this.table = null;
    this.files = [];
    this.outdate();
    this.told();
  }

  async send() {
    this.outdate();
    if (!this.table) return this.fail(new ApiError('missing_input', '', 'table'), t('batch.need_table'));
    const form = new FormData();
    form.append('table', this.table, this.table.name.toLowerCase().endsWith('.xlsx') ? 'table.xlsx' : 'table.csv');
    for (const file of this.files) form.append('files', file, file.name);
    const status = byId('batch-status');
    const stopper = new AbortController();
    this.stopper = stopper;
    this.busy(true);
    try {
      const path = `/models/${encodeURIComponent(this.model().id)}/batch`;
      const csv = await post(path, form, {
        accept: 'text/csv',
        signal: stopper.signal,
        onProgress: (part) => say(status, part < 1 ? t('send.uploading', { part: percent(part) }) : t('send.working')),
        onWait: (count) => say(status, t('send.waiting', { count })),
      });
      if (!stopper.signal.aborted) this.show(csv);
    } catch (error) {
      if (isAbort(error)) say(status, t('send.cancelled'));
      else this.fail(error, error instanceof ApiError ? error.words : t('error.bad_answer'));
    } finally {
      if (this.stopper === stopper) this.stopper = null;
      this.busy(false);
    }
  }

  busy(on) {
    byId('batch-send').disabled = on;
    byId('batch-cancel').hidden = !on;
  }

  fail(error, words) {
    say(byId('batch-status'), '');
    const name = error.input === 'table' || error.input === 'files' ? error.input : null;
    say(this.errors[name], words);
    focusOn(name ? this.zones[name].button : this.errors.null);
  }

  show(csv) {
    const [head = [], ...rows] = parseCsv(csv);
    this.address = URL.createObjectURL(new Blob([csv], { type: 'text/csv' }));
    const cells = (row) => row.map((text, i) => make(i ? 'td' : 'th', { scope: i ? null : 'row', text: shorter(head[i], text) }));
    const id = newId('rows');
    byId('batch-result').replaceChildren(
      make('p', {}, make('a', { href: this.address, download: 'predictions.csv', class: 'button', text: t('batch.download') })),
      make('p', { class: 'research', text: t('research.result') }),
      make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': id }, make('table', {},
        make('caption', { id, text: t('batch.caption') }),
        make('thead', {}, make('tr', {}, head.map((text) => make('th', { scope: 'col', text })))),
        make('tbody', {}, rows.map((row) => make('tr', {}, cells(row)))))),
    );
    say(byId('batch-status'), t('batch.done', { count: rows.length }));
  }
}

/** A probability of the table, short enough to be read; the file has it in full. */
function shorter(column, text) {
  const value = Number(text);
  return /^(prob|calibrated|image)_/.test(column || '') && text !== '' && Number.isFinite(value) ? fixed(value) : text;
}
