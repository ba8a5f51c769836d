import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { ReportedCall } from '../domain/calls/call.ts';
import type { Feed } from '../domain/calls/feed.ts';
import type { RejectedReason } from '../domain/calls/rejected-record.ts';
import { type Decimal, isDecimal, isRate, toMicros } from '../domain/money.ts';
import { plainNumber, readDialled } from '../domain/phone-number.ts';

/** Where in a body a record stands. */
export interface Origin {
  /** the bytes that came */
  raw: () => Buffer;
  /** of its first byte; 1 is the body's first line */
  line: () => number;
  /** where it came from, for records of a file */
  place?: () => string;
  /** what the bytes say, where the same record may also come in other ones */
  decoded?: () => Buffer;
}

/**
 * One record of a body: a call, a leg that is not billed, what could not be understood, or one of
 * so many of these that it is not kept by itself.
 */
export type ParsedRecord =
  | { kind: 'call'; call: ReportedCall; origin: Origin }
  | { kind: 'unbilled leg' }
  | { kind: 'left out' }
  | { kind: 'rejected'; reason: RejectedReason; detail: string; origin: Origin };

/**
 * Reads a body of a format, or a piece of one, record by record; undefined where the next one is
 * still looked for. It never throws: what it cannot read it rejects.
 */
export type Parser = (body: Buffer, feed: Feed) => Iterable<ParsedRecord | undefined>;

/** What is wrong with a record, for the operator who looks at it. */
export class MalformedRecord extends Error {
  constructor(message: string) {
    // A body may hold many, and a stack costs more than all the rest.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const USERNAME = /^[1-9][0-9]{9}$/;
const LONGEST_TEXT = 128;
const LONGEST_CALL_MICROSECONDS = 31 * 86_400 * 1_000_000;
/** what switches' rounding, and clocks that are set during a call, may make of a talk time */
export const TALK_TOLERANCE_MS = 5_000;

/** Runs `read` on one record and rejects the record where it throws MalformedRecord. */
export function readRecord(origin: Origin, read: () => ReportedCall | undefined): ParsedRecord {
  try {
    const call = read();
    return call ? { kind: 'call', call, origin } : { kind: 'unbilled leg' };
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error;
    return malformed(origin, error.message);
  }
}

export function malformed(origin: Origin, detail: string): ParsedRecord {
  return { kind: 'rejected', reason: 'malformed', detail, origin };
}

/** A body that holds one record. */
export function wholeBody(body: Buffer): Origin {
  return { raw: () => body, line: () => 1 };
}

/** A uuid without dashes; any other id is hashed together with the feed it is unique in. */
export function callId(id: unknown, feed: Feed): string {
  const text = idText(id, 'id');
  return UUID.test(text) ? text.replaceAll('-', '').toLowerCase() : hashedId(feed, [text]);
}

/** 32 hexadecimal digits for what together is unique within the feed. */
export function hashedId(feed: Feed, parts: string[]): string {
  const text = [feed.name, ...parts].join('\n');
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** An identifier of any length. @throws MalformedRecord where it is missing */
export function idText(value: unknown, name: string): string {
  const text = wholeText(value, name);
  if (text === '') throw new MalformedRecord(`${name} is missing`);
  return text;
}

/** The first candidate that has a username's form; switches put other things there, too. */
export function firstUsername(candidates: unknown[]): number | undefined {
  for (const candidate of candidates) {
    const text = typeof candidate === 'number' ? String(candidate) : candidate;
    if (typeof text === 'string' && USERNAME.test(text)) return Number(text);
  }
  return undefined;
}

/**
 * The number that a text dials where the feed is, as calls are stored with it; what is none is kept
 * as it came.
 */
export function phoneNumber(
  value: unknown,
  name: string,
  { plan }: Feed,
): Pick<ReportedCall, 'called' | 'dialled'> {
  const text = wholeText(value, name);
  const { called = text, dialled } = readDialled(text, plan) ?? {};
  const number = { called: called.slice(0, LONGEST_TEXT).toWellFormed() };
  return dialled === undefined ? number : { ...number, dialled: dialled.slice(0, LONGEST_TEXT) };
}

/** The caller's number, which prices nothing, in the same form. */
export function callerNumber(value: unknown, name: string): string {
  return plainNumber(displayText(value, name));
}

/**
 * A text that is only shown, cut where it is too long. Callers choose it, and it must not keep a
 * call from being billed: what is no character reads as U+FFFD, also a control character.
 * @throws MalformedRecord for an object, an array or a boolean
 */
export function displayText(value: unknown, name: string): string {
  return textOf(value, name)
    .slice(0, LONGEST_TEXT)
    .toWellFormed()
    .replace(/\p{Cc}/gu, '\uFFFD');
}

/**
 * A text that identifies or prices a call, as long as it came; what is missing is empty.
 * @throws MalformedRecord also for one with damaged or control characters, since two that differ
 *   in these would read the same
 */
export function wholeText(value: unknown, name: string): string {
  const text = textOf(value, name);
  if (!text.isWellFormed() || /[\p{Cc}\uFFFD]/u.test(text)) {
    throw new MalformedRecord(`${name} has damaged or control characters`);
  }
  return text;
}

function textOf(value: unknown, name: string): string {
  const text = typeof value === 'number' ? String(value) : (value ?? '');
  if (typeof text !== 'string') throw new MalformedRecord(`${name} is not a text`);
  return text;
}

export function ipAddress(value: unknown): string | undefined {
  return typeof value === 'string' && isIP(value) ? value : undefined;
}

/**
 * @param count of units, a number or decimal string; 0 means the call was not answered
 * @param perSecond how many units make a second
 * @returns microseconds
 */
export function talkTime(count: unknown, name: string, perSecond = 1): number {
  const value = decimalOf(count);
  if (value === undefined || value < 0) throw new MalformedRecord(`${name} is no duration`);
  const microseconds = Math.round((value / perSecond) * 1_000_000);
  if (microseconds > LONGEST_CALL_MICROSECONDS) throw new MalformedRecord(`${name} is too long`);
  return microseconds;
}

/**
 * A talk time that a record's own times have room for.
 * @param from when the call was answered or, where that is not told, made
 * @param end undefined where the record does not tell it
 * @returns the talk time @throws MalformedRecord where it is longer, which is no rounding
 */
export function talkWithin(talkMicroseconds: number, from: Date, end: Date | undefined): number {
  if (!end) return talkMicroseconds;
  const room = end.getTime() - from.getTime();
  if (talkMicroseconds > 0 && talkMicroseconds / 1_000 > room + TALK_TOLERANCE_MS) {
    const talk = talkMicroseconds / 1_000_000;
    throw new MalformedRecord(`${talk} s of talk, where the call ended after ${room / 1_000} s`);
  }
  return talkMicroseconds;
}

/** Whether a member has a value; switches write nothing in many ways. */
export function isThere(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** @param seconds Unix seconds, a number or decimal string; cut to whole milliseconds */
export function momentOf(seconds: unknown, name: string): Date {
  const value = decimalOf(seconds);
  const moment = new Date(Math.floor(Math.round((value ?? Number.NaN) * 1_000_000) / 1_000));
  if (value === undefined || value <= 0 || Number.isNaN(moment.getTime())) {
    throw new MalformedRecord(`${name} is no time`);
  }
  return moment;
}

/**
 * What a switch that keeps the balance took for a call: nothing where it does not tell an amount.
 * @param names of the members, for the operator
 * @throws MalformedRecord for what the books do not hold, or an amount without its rate
 */
export function debitOf(
  { rate, amount }: { rate: unknown; amount: unknown },
  names: [string, string],
): { rate: Decimal; amount: Decimal } {
  const debit = { rate: isThere(rate) ? rate : '0', amount: isThere(amount) ? amount : '0' };
  if (!isRate(debit.rate)) {
    throw new MalformedRecord(`${names[0]} is no decimal string from 0 to 999999.999999`);
  }
  if (!isDecimal(debit.amount) || toMicros(debit.amount) < 0n) {
    throw new MalformedRecord(`${names[1]} is no decimal string from 0 to 999999999999.999999`);
  }
  if (!isThere(rate) && toMicros(debit.amount) > 0n) {
    throw new MalformedRecord(`${names[0]} is missing`);
  }
  return { rate: debit.rate, amount: debit.amount };
}

export function decimalOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^[0-9]{1,16}(\.[0-9]{1,9})?$/.test(value)) return undefined;
  return Number(value);
}
