// Logging in and out, and how that stands.

export interface Standing {
  /** `none` where only this machine can ask; `off` where the settings say so. */
  login: 'required' | 'off' | 'none';
  session: boolean;
}

/** What became of a password. */
export type Outcome = { is: 'in' } | { is: 'wrong' } | { is: 'paused'; seconds: number } | { is: 'failed'; why: string };

const REQUEST_TIME_MS = 30_000;

/** `null` while the server does not tell. */
export async function readStanding(): Promise<Standing | null> {
  try {
    const response = await fetch('/api/login', { signal: AbortSignal.timeout(REQUEST_TIME_MS) });
    return response.ok ? standingOf(await response.json()) : null;
  } catch {
    return null;
  }
}

export function standingOf(value: unknown): Standing | null {
  if (typeof value !== 'object' || value === null || !('login' in value) || !('session' in value)) return null;
  const { login, session } = value;
  if (login !== 'required' && login !== 'off' && login !== 'none') return null;
  return { login, session: session === true };
}

export async function logIn(password: string): Promise<Outcome> {
  try {
    return outcomeOf(await post('/api/login', { password }));
  } catch {
    return { is: 'failed', why: 'The server cannot be reached. Try again.' };
  }
}

/** Whether the server has ended the session. */
export async function logOut(): Promise<boolean> {
  try {
    return (await post('/api/logout', {})).ok;
  } catch {
    return false;
  }
}

export function outcomeOf(response: Response): Outcome {
  if (response.ok) return { is: 'in' };
  if (response.status === 401) return { is: 'wrong' };
  if (response.status === 429) {
    const seconds = Number(response.headers.get('Retry-After'));
    return { is: 'paused', seconds: Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds) : 1 };
  }
  return { is: 'failed', why: `The server does not take it now (HTTP ${response.status}). Try again.` };
}

/** A span of seconds as one says it. */
export function spoken(seconds: number): string {
  if (seconds < 120) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  return `${Math.ceil(seconds / 60)} minutes`;
}

function post(path: string, body: object): Promise<Response> {
  return fetch(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json' },
    signal: AbortSignal.timeout(REQUEST_TIME_MS),
  });
}
