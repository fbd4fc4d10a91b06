// The dashboard: all hosts, and one host.

import { Frame } from './frame.js';

export class Dashboard extends Frame {
  constructor(page) {
    super(page);
    this.hosts = page.getByRole('list', { name: 'Hosts' });
    this.now = page.getByRole('list', { name: 'Now' });
    this.last = page.getByRole('list', { name: 'The last numbers' });
    this.hint = page.getByText('Drag in a chart to zoom', { exact: false });
    /** What the keyboard's cursor in a chart has read last. */
    this.spoken = page.locator('[aria-live="polite"]').filter({ hasText: /\d:\d\d/ });
    this.wider = page.getByRole('button', { name: 'Wider' });
    this.ask = page.getByRole('link', { name: 'Ask about this' });
    this.processes = new Table(page, 'Processes');
    this.disks = new Table(page, 'File systems');
    this.networks = new Table(page, 'Network');
  }

  /** The card of one host among all. */
  card(host) {
    return this.hosts.getByRole('listitem').filter({ has: this.page.getByText(host, { exact: true }) });
  }

  title(host) {
    return this.page.getByRole('heading', { level: 1, name: host, exact: true });
  }

  /** The word beside the host's name: live or stale. */
  state(word) {
    return this.page.getByRole('main').getByText(word, { exact: true });
  }

  range(name) {
    return this.page.getByRole('group', { name: 'Range' }).getByRole('link', { name, exact: true });
  }

  chart(title) {
    return this.page.getByRole('img', { name: new RegExp(`^${title}, line chart`) });
  }

  /** Where lines are drawn in a chart. */
  plotted(title) {
    return this.chart(title).locator('.u-over');
  }
}

class Table {
  constructor(page, name) {
    this.table = page.getByRole('group', { name: `${name} table` });
    this.search = page.getByRole('searchbox', { name: `Search in ${name}` });
  }

  head(name) {
    return this.table.getByRole('columnheader', { name });
  }

  /** All rows at one moment, as texts. */
  rows() {
    return this.table.locator('tbody').evaluate((body) => [...body.rows].map((row) => [...row.cells].map((cell) => cell.textContent)));
  }
}
