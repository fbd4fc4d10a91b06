// One call of the API, with an end in time and errors in words.

import { goToLogin } from '../login/way.ts';
import { MessengerError } from './messenger.ts';

const REQUEST_TIME_MS = 20_000;

export function get(path: string, query: Record<string, string> = {}): Promise<unknown> {
  const text = new URLSearchParams(query).toString();
  return request(text === '' ? path : `${path}?${text}`, { method: 'GET' });
}

export function post(path: string, body: object, headers: Record<string, string> = {}): Promise<unknown> {
  return request(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  });
}

async function request(path: string, options: RequestInit): Promise<unknown> {
  let response: Response | undefined;
  let body: unknown;
  try {
    response = await fetch(path, { ...options, signal: AbortSignal.timeout(REQUEST_TIME_MS) });
    body = await response.json();
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError';
    const detail = late ? 'the web server did not answer in time' : 'the web server cannot be reached';
    throw new MessengerError(response?.status ?? 0, detail);
  }
  if (response.status === 401) goToLogin();
  if (!response.ok) throw new MessengerError(response.status, detailOf(body));
  return body;
}

function detailOf(body: unknown): string {
  if (typeof body === 'object' && body !== null) {
    if ('detail' in body && typeof body.detail === 'string') return body.detail;
    if ('title' in body && typeof body.title === 'string') return body.title;
  }
  return 'the request failed';
}
