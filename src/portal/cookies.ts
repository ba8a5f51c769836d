import type { FastifyReply, FastifyRequest } from 'fastify';

type CookieName = 'session' | 'device' | 'flash';

/** The portal's cookies: scripts cannot read them, and other sites' forms do not send them. */
export interface Cookies {
  read(request: FastifyRequest, name: CookieName): string;
  /** @param seconds how long the browser keeps it; undefined: until the browser is closed */
  set(reply: FastifyReply, name: CookieName, value: string, seconds?: number): void;
  clear(reply: FastifyReply, name: CookieName): void;
}

/**
 * @param https whether customers use TLS. Then `__Host-` cookies can be set by this host alone;
 * without TLS browsers would not accept them.
 */
export function portalCookies(https: boolean): Cookies {
  const nameOf = (name: CookieName) => (https ? `__Host-${name}` : `account_api_${name}`);
  const write = (reply: FastifyReply, name: CookieName, value: string, seconds?: number) => {
    const age = seconds === undefined ? '' : `; Max-Age=${seconds}`;
    const secure = https ? '; Secure' : '';
    reply.header(
      'set-cookie',
      `${nameOf(name)}=${value}; Path=/; HttpOnly; SameSite=Lax${secure}${age}`,
    );
  };
  return {
    read: (request, name) => readCookie(request.headers.cookie ?? '', nameOf(name)),
    set: write,
    clear: (reply, name) => write(reply, name, '', 0),
  };
}

function readCookie(header: string, name: string): string {
  const prefix = `${name}=`;
  const pair = header
    .split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(prefix));
  return pair?.slice(prefix.length) ?? '';
}
