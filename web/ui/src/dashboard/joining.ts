// The line that lets another machine join, as it is made in a terminal.

/** What a line is to be good for. */
export interface Wish {
  /** How the host is to be called; any free name where it is empty. */
  name: string;
  /** Where the other machine reaches the relay; as the server is set up where it is empty. */
  relay: string;
  /** Such as `24h`. */
  expires: string;
  /** How many machines, where they have no name. */
  uses: number;
}

export const LIVES: Record<string, string> = { '1h': 'an hour', '24h': 'a day', '7d': 'a week', '30d': '30 days' };
export const USES_MAX = 100;

const HANDLE = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** Why a name cannot be one, in words; empty if it can. */
export function nameTrouble(name: string): string {
  return name === '' || HANDLE.test(name) ? ''
    : 'Use 1 to 63 of a to z, 0 to 9, - and _, beginning with a letter or digit.';
}

export function relayTrouble(relay: string): string {
  return relay === '' || addressOf(relay) !== null ? '' : 'Use an address such as https://relay.example, and nothing behind it.';
}

/** The command that prints the line; `null` while the wish is none. */
export function inviteCommand({ name, relay, expires, uses }: Wish): string | null {
  if (nameTrouble(name) !== '' || relayTrouble(relay) !== '' || !Object.hasOwn(LIVES, expires)) return null;
  if (!Number.isInteger(uses) || uses < 1 || uses > USES_MAX) return null;
  return [
    'sysmaint invite',
    relay === '' ? '' : `--relay ${addressOf(relay)}`,
    name === '' ? '' : `--handle ${name}`,
    name === '' && uses > 1 ? `--uses ${uses}` : '',
    expires === '24h' ? '' : `--expires ${expires}`,
  ].filter(Boolean).join(' ');
}

export function removeCommand(host: string): string {
  return `sysmaint host remove ${host}`;
}

/** Scheme, name, port and a plain path; nothing that a shell would take otherwise. */
function addressOf(text: string): string | null {
  const found = /^https?:\/\/[a-z0-9.:[\]-]+(\/[a-z0-9._~/-]*)?$/i.exec(text);
  if (!found || !URL.canParse(text)) return null;
  const address = text.replace(/\/+$/, '');
  return address.includes('[') ? `'${address}'` : address;
}
