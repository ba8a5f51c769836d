import { MIMEType } from 'node:util';
import type { FastifyRequest } from 'fastify';
import { Refusal } from '../domain/refusal.ts';

export type Fields = Record<string, string | undefined>;

/** The fields of a form, unchanged. A repeated field has its last value. */
export function formFields(request: FastifyRequest): Fields {
  return (request.body as Fields | undefined) ?? {};
}

/** One text of the query; '' if it is missing or repeated. */
export function queryText(request: FastifyRequest, name: string): string {
  const value = (request.query as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : '';
}

/** A whole number of the query, such as the start of a list's page; undefined if it is none. */
export function queryNumber(request: FastifyRequest, name: string): number | undefined {
  const text = queryText(request, name).trim();
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

/** @throws Refusal 'malformed' for a NUL, which the database cannot hold */
export function parseForm(body: string): Fields {
  const fields = Object.fromEntries(new URLSearchParams(body));
  refuseNul(Object.values(fields));
  return fields;
}

const MOST_PARTS = 50;
const LONGEST_HEAD_BYTES = 4 * 1024;

/**
 * A form with files. The value of a file is its text.
 * @throws Refusal 'malformed' for another body, and for a NUL; 'too large' for more than 50 parts,
 *   or a head of more than 4 KiB
 */
export async function parseFormData(body: Buffer, type: string): Promise<Fields> {
  requireFewParts(body, type);
  const sent = await new Response(new Uint8Array(body), { headers: { 'content-type': type } })
    .formData()
    .catch(() => {
      throw new Refusal('malformed', 'Bad request');
    });
  const fields: Fields = {};
  for (const [name, value] of sent) {
    fields[name] = typeof value === 'string' ? value : await value.text();
  }
  refuseNul(Object.values(fields));
  return fields;
}

/** The parser has no limits, and takes seconds for many parts or long heads. */
function requireFewParts(body: Buffer, type: string): void {
  const boundary = new MIMEType(type).params.get('boundary');
  if (!boundary) throw new Refusal('malformed', 'Bad request');
  let parts = 0;
  for (let at = body.indexOf(`--${boundary}`); at >= 0; ) {
    const end = body.indexOf('\r\n\r\n', at);
    const headBytes = (end < 0 ? body.length : end) - at;
    // The last boundary ends the form.
    if (parts++ > MOST_PARTS || headBytes > LONGEST_HEAD_BYTES) {
      throw new Refusal('too large', 'Too many parts, or a head that is too long');
    }
    at = body.indexOf(`--${boundary}`, at + 1);
  }
}

/** @throws Refusal 'malformed' for a NUL in the query, which the database cannot hold */
export async function refuseNulInQuery(request: FastifyRequest): Promise<void> {
  refuseNul(Object.values(request.query as Record<string, unknown>).flat());
}

function refuseNul(values: unknown[]): void {
  if (values.some((value) => typeof value === 'string' && value.includes('\0'))) {
    throw new Refusal('malformed', 'Bad request');
  }
}

const PORTAL = 'http://portal.invalid';

/** A path of this portal that a client named; undefined if it leads elsewhere. */
export function localPath(path: string): string | undefined {
  if (!/^\/[\x21-\x7e]*$/.test(path) || !URL.canParse(path, PORTAL)) return undefined;
  const url = new URL(path, PORTAL);
  // A path that begins with two slashes is an address of another host.
  const isLocal = url.origin === PORTAL && !url.pathname.startsWith('//');
  return isLocal ? url.pathname + url.search : undefined;
}
