// What one sample says, by the names that courses have.

import type { Network, Sample } from '../messenger/types.ts';
import { known } from '../reading/format.ts';

export function share(part: number | undefined, whole: number | undefined): number | undefined {
  return known(part) && known(whole) && whole > 0 ? (part / whole) * 100 : undefined;
}

/** The rate over all interfaces but loopback; undefined if none is known. */
export function total(networks: Network[], key: 'received_bytes_per_s' | 'sent_bytes_per_s'): number | undefined {
  const measured = networks.filter(({ interface: name }) => name !== 'lo').map((network) => network[key]).filter(known);
  return measured.length > 0 ? measured.reduce((sum, value) => sum + value, 0) : undefined;
}

export function fullest(sample: Sample): number | undefined {
  return largest(sample.disks.map((disk) => share(disk.used_bytes, disk.total_bytes)));
}

export function hottest(sample: Sample): number | undefined {
  return largest(sample.temperatures.map((sensor) => sensor.celsius));
}

/** The name of one course. */
export function courseKey(metric: string, label: string): string {
  return `${metric}\n${label}`;
}

/** Every measured value under its course's name. */
export function measures(sample: Sample): Map<string, number> {
  const found = new Map<string, number>();
  const put = (metric: string, label: string, value: number | undefined) => {
    if (known(value)) found.set(courseKey(metric, label), value);
  };
  for (const metric of ['cpu_percent', 'load_1', 'load_5', 'load_15', 'memory_used_bytes', 'swap_used_bytes',
    'process_count'] as const) put(metric, '', sample[metric]);
  sample.cpu_cores_percent.forEach((value, core) => put('cpu_core_percent', String(core), value));
  for (const disk of sample.disks) {
    put('disk_used_percent', disk.mount, share(disk.used_bytes, disk.total_bytes));
    put('disk_read_bytes_per_s', disk.mount, disk.read_bytes_per_s);
    put('disk_write_bytes_per_s', disk.mount, disk.write_bytes_per_s);
  }
  for (const network of sample.networks) {
    put('network_received_bytes_per_s', network.interface, network.received_bytes_per_s);
    put('network_sent_bytes_per_s', network.interface, network.sent_bytes_per_s);
    put('network_errors', network.interface, network.errors);
  }
  for (const sensor of sample.temperatures) put('temperature_celsius', sensor.sensor, sensor.celsius);
  put('disk_used_percent', 'fullest', fullest(sample));
  put('network_received_bytes_per_s', 'all', total(sample.networks, 'received_bytes_per_s'));
  put('network_sent_bytes_per_s', 'all', total(sample.networks, 'sent_bytes_per_s'));
  put('temperature_celsius', 'hottest', hottest(sample));
  return found;
}

function largest(values: (number | undefined)[]): number | undefined {
  const measured = values.filter(known);
  return measured.length > 0 ? Math.max(...measured) : undefined;
}
