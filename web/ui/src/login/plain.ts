// Whether others can read along on the way to the server.

/** Plain HTTP, and not to this machine itself. Behind a proxy with HTTPS it is HTTPS that counts. */
export function isPlain({ protocol, hostname }: { protocol: string; hostname: string }): boolean {
  return protocol === 'http:' && !/^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
