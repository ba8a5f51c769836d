import type { FastifyRequest } from 'fastify';
import { Refusal } from '../domain/refusal.ts';

export type Fields = Record<string, string | undefined>;

/** The fields of a form, as they came. A field that came twice has its last value. */
export function formFields(request: FastifyRequest): Fields {
  return (request.body as Fields | undefined) ?? {};
}

/** One text of the address line's query; '' where it is missing or there twice. */
export function queryText(request: FastifyRequest, name: string): string {
  const value = (request.query as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : '';
}

/** A whole number of the query, such as where a page of a list begins, where it is one. */
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

/** A path of this portal that a client named, or undefined where it leads elsewhere. */
export function localPath(path: string): string | undefined {
  if (!/^\/[\x21-\x7e]*$/.test(path) || !URL.canParse(path, PORTAL)) return undefined;
  const url = new URL(path, PORTAL);
  // What leads to a path that begins with two slashes is an address of another host.
  const isLocal = url.origin === PORTAL && !url.pathname.startsWith('//');
  return isLocal ? url.pathname + url.search : undefined;
}
