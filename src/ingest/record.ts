import { isIP } from 'node:net';
import type { ReportedCall } from '../domain/call.ts';
import type { RefusedRecord } from '../domain/call-refused.ts';
import type { Feed } from '../domain/feed.ts';

/** One record of a body: a call, a leg that is not billed, or what could not be understood. */
export type ParsedRecord =
  | { kind: 'call'; call: ReportedCall; raw: () => Buffer }
  | { kind: 'unbilled leg' }
  | ({ kind: 'refused' } & RefusedRecord);

/** Reads a whole body of a format. It never throws: what it cannot read it sets aside. */
export type Parser = (body: Buffer, feed: Feed) => ParsedRecord[];

/** What is wrong with a record, for the operator who looks at it. */
export class MalformedRecord extends Error {}

const USERNAME = /^[1-9][0-9]{9}$/;
// With a plus it is an international number, and only +1 is North America.
const NORTH_AMERICAN = /^(?:\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})$/;
const LONGEST_TEXT = 128;
const LONGEST_CALL_MICROSECONDS = 31 * 86_400 * 1_000_000;

/** Runs `read` on one record and sets the record aside where it throws MalformedRecord. */
export function readRecord(raw: () => Buffer, read: () => ReportedCall | undefined): ParsedRecord {
  try {
    const call = read();
    return call ? { kind: 'call', call, raw } : { kind: 'unbilled leg' };
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error;
    return malformed(raw(), error.message);
  }
}

export function malformed(raw: Buffer, detail: string): ParsedRecord {
  return { kind: 'refused', reason: 'malformed', detail, raw };
}

/** The first candidate that has a username's form; switches put other things there, too. */
export function firstUsername(candidates: unknown[]): number | undefined {
  for (const candidate of candidates) {
    const text = typeof candidate === 'number' ? String(candidate) : candidate;
    if (typeof text === 'string' && USERNAME.test(text)) return Number(text);
  }
  return undefined;
}

/** A number as the API shows it: ten digits where it is North American. */
export function phoneNumber(value: unknown, name: string): string {
  const text = textOf(value, name);
  return NORTH_AMERICAN.exec(text)?.[1] ?? text;
}

/** @throws MalformedRecord where it is no text that the database can hold */
export function textOf(value: unknown, name: string): string {
  const text = typeof value === 'number' ? String(value) : (value ?? '');
  if (typeof text !== 'string') throw new MalformedRecord(`${name} is not a text`);
  if (text.length > LONGEST_TEXT) throw new MalformedRecord(`${name} is too long`);
  if (text.includes('\0')) throw new MalformedRecord(`${name} has a NUL`);
  return text.toWellFormed();
}

export function ipAddress(value: unknown): string | undefined {
  return typeof value === 'string' && isIP(value) ? value : undefined;
}

/** @param seconds a number or decimal string; 0 means the call was not answered */
export function talkTime(seconds: unknown, name: string): number {
  const value = decimalOf(seconds);
  if (value === undefined || value < 0) throw new MalformedRecord(`${name} is no duration`);
  const microseconds = Math.round(value * 1_000_000);
  if (microseconds > LONGEST_CALL_MICROSECONDS) throw new MalformedRecord(`${name} is too long`);
  return microseconds;
}

/** @param seconds Unix seconds, a number or decimal string */
export function momentOf(seconds: unknown, name: string): Date {
  const value = decimalOf(seconds);
  const moment = new Date(Math.floor((value ?? Number.NaN) * 1_000));
  if (value === undefined || value <= 0 || Number.isNaN(moment.getTime())) {
    throw new MalformedRecord(`${name} is no time`);
  }
  return moment;
}

export function decimalOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^[0-9]{1,16}(\.[0-9]{1,9})?$/.test(value)) return undefined;
  return Number(value);
}
