// What kind of machine a host is, in words.

import type { Sample } from '../messenger/types.ts';

const NAMES: Record<string, string> = {
  amazon: 'Amazon', apple: 'Apple', bhyve: 'bhyve', bochs: 'Bochs', docker: 'Docker', google: 'Google',
  kubernetes: 'Kubernetes', kvm: 'KVM', lxc: 'LXC', microsoft: 'Microsoft', openvz: 'OpenVZ', oracle: 'Oracle',
  parallels: 'Parallels', podman: 'Podman', qemu: 'QEMU', 'systemd-nspawn': 'systemd-nspawn', vmware: 'VMware',
  wsl: 'WSL', xen: 'Xen',
};
const CLASSES: Record<string, string> = { container: 'container', vm: 'virtual machine' };

/** `vm:kvm` is a "KVM virtual machine"; nothing for what is not known. */
export function virtualizationText(kind: string | undefined): string {
  if (kind === 'none') return 'no virtualization';
  const [family = '', by = ''] = (kind ?? '').split(':');
  const word = CLASSES[family];
  if (word === undefined) return '';
  return NAMES[by] === undefined ? word : `${NAMES[by]} ${word}`;
}

/** What a host calls itself, where that is not how it is called here. */
export function ownName(host: string, { host_name }: Pick<Sample, 'host_name'>): string {
  return host_name === undefined || host_name === host ? '' : `calls itself ${host_name}`;
}
