// The columns of a host's tables.

import type { Disk, Network, Process, Temperature } from '../messenger/types.ts';
import { bytes, celsius, number, percent, rate } from '../reading/format.ts';
import { share } from './measures.ts';
import type { Column } from './table.ts';

export const PROCESSES: Column<Process>[] = [
  { head: 'Name', text: true, show: ({ name }) => named(name), value: ({ name }) => name },
  { head: 'PID', show: ({ pid }) => pid === undefined ? '–' : String(pid), value: ({ pid }) => pid },
  { head: 'CPU', show: (process) => percent(process.cpu_percent), value: (process) => process.cpu_percent },
  { head: 'Memory', show: (process) => bytes(process.memory_bytes), value: (process) => process.memory_bytes },
];

export const DISKS: Column<Disk>[] = [
  { head: 'Mount', text: true, show: ({ mount }) => named(mount), value: ({ mount }) => mount },
  { head: 'Type', text: true, show: (disk) => disk.file_system, value: (disk) => disk.file_system },
  { head: 'Used', show: (disk) => percent(used(disk)), value: used },
  { head: 'Free', show: (disk) => bytes(free(disk)), value: free },
  { head: 'Size', show: (disk) => bytes(disk.total_bytes), value: (disk) => disk.total_bytes },
  { head: 'Read', show: (disk) => rate(disk.read_bytes_per_s), value: (disk) => disk.read_bytes_per_s },
  { head: 'Write', show: (disk) => rate(disk.write_bytes_per_s), value: (disk) => disk.write_bytes_per_s },
];

export const NETWORKS: Column<Network>[] = [
  { head: 'Interface', text: true, show: (network) => named(network.interface), value: (network) => network.interface },
  { head: 'In', show: (network) => rate(network.received_bytes_per_s), value: (network) => network.received_bytes_per_s },
  { head: 'Out', show: (network) => rate(network.sent_bytes_per_s), value: (network) => network.sent_bytes_per_s },
  { head: 'Errors', show: (network) => number(network.errors), value: (network) => network.errors },
];

export const SENSORS: Column<Temperature>[] = [
  { head: 'Sensor', text: true, show: ({ sensor }) => named(sensor), value: ({ sensor }) => sensor },
  { head: 'Temperature', show: (sensor) => celsius(sensor.celsius), value: (sensor) => sensor.celsius },
];

function used(disk: Disk): number | undefined {
  return share(disk.used_bytes, disk.total_bytes);
}

function free(disk: Disk): number | undefined {
  return disk.total_bytes === undefined || disk.used_bytes === undefined ? undefined : disk.total_bytes - disk.used_bytes;
}

function named(text: string): string {
  return text === '' ? '(no name)' : text;
}
