// To the login, and back to where one was.

/** As the server has it: longer ones are not remembered. */
const LONGEST = 2048;

/** The login's address, from which one comes back to `path`. */
export function loginAddress(path: string): string {
  return path === '/' || localPath(path) === null ? '/login' : `/login?next=${encodeURIComponent(path)}`;
}

/** Where to go after the login. */
export function nextOf(search: string): string {
  const path = localPath(new URLSearchParams(search).get('next') ?? '/');
  return path === null || path.startsWith('/login') ? '/' : path;
}

/** Goes to the login, once. */
export function goToLogin(): void {
  if (leaving || location.pathname === '/login') return;
  leaving = true;
  location.assign(loginAddress(location.pathname + location.search));
}

let leaving = false;

/** The text, if a browser can take it for nothing but a path on this server. */
function localPath(text: string): string | null {
  return /^\/(?!\/)[!-[\]-~]*$/.test(text) && text.length <= LONGEST ? text : null;
}
