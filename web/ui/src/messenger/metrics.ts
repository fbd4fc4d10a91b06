// What is measured of a host over time, by the names that the API has for it.

/** What charts show. The API knows more, such as the same use in bytes. */
export const METRICS = [
  'cpu_percent', 'cpu_core_percent', 'load_1', 'load_5', 'load_15', 'memory_used_bytes', 'swap_used_bytes',
  'disk_used_percent', 'disk_read_bytes_per_s', 'disk_write_bytes_per_s', 'network_received_bytes_per_s',
  'network_sent_bytes_per_s', 'network_errors', 'temperature_celsius', 'process_count',
] as const;

export type Metric = (typeof METRICS)[number];
