import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { isUsername } from '../domain/account-name.ts';
import type { ReportedCall } from '../domain/calls/call.ts';
import type { Feed } from '../domain/calls/feed.ts';
import type { RejectedReason } from '../domain/calls/rejected-record.ts';
import { type Decimal, isDecimal, isRate, toMicros } from '../domain/money.ts';
import { plainNumber, readDialled } from '../domain/phone-number.ts';

/** The place of a record in a body. */
export interface Origin {
  /** the received bytes */
  raw: () => Buffer;
  /** line of its first byte; 1 is the body's first line */
  line: () => number;
  /** its place in a file, for imported records */
  place?: () => string;
  /** the decoded record, where the same record can have several encodings */
  decoded?: () => Buffer;
}

/**
 * One record of a body: a call, a leg that is not billed, a rejected record, or a rejected record
 * beyond the number that is kept record by record.
 */
export type ParsedRecord =
  | { kind: 'call'; call: ReportedCall; origin: Origin }
  | { kind: 'unbilled leg' }
  | { kind: 'left out' }
  | { kind: 'rejected'; reason: RejectedReason; detail: string; origin: Origin };

/**
 * Reads a body of a format, or a piece of a body, record by record. It yields undefined while it
 * looks for the next record. It never throws: it rejects what it cannot read.
 */
export type Parser = (body: Buffer, feed: Feed) => Iterable<ParsedRecord | undefined>;

/** What is wrong with a record, for the operator. */
export class MalformedRecord extends Error {
  constructor(message: string) {
    // A body may have many of them, and a stack trace is the most expensive part.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
/** Printable ASCII, which nearly all texts are; the other checks of a text take much longer. */
const PLAIN = /^[ -~]*$/;
const LONGEST_TEXT = 128;
const LONGEST_CALL_MICROSECONDS = 31 * 86_400 * 1_000_000;
/** the error of a talk time that a switch's rounding or a clock adjustment may cause */
export const TALK_TOLERANCE_MS = 5_000;

/** Runs `read` on one record. If it throws MalformedRecord, the record is rejected. */
export function readRecord(origin: Origin, read: () => ReportedCall | undefined): ParsedRecord {
  try {
    const call = read();
    return call ? { kind: 'call', call, origin } : { kind: 'unbilled leg' };
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error;
    return malformed(origin, error.message);
  }
}

/** A record that cannot be read. @param detail what is wrong, for the operator */
export function malformed(origin: Origin, detail: string): ParsedRecord {
  return { kind: 'rejected', reason: 'malformed', detail, origin };
}

/** The origin of a record that is the whole body. */
export function wholeBody(body: Buffer): Origin {
  return { raw: () => body, line: () => 1 };
}

/** A uuid without dashes. Any other id is hashed with its feed, because it is unique only there. */
export function callId(id: unknown, feed: Feed): string {
  if (typeof id === 'string' && UUID.test(id)) return id.replaceAll('-', '').toLowerCase();
  return hashedId(feed, [idText(id, 'id')]);
}

/** 32 hexadecimal digits for parts that are together unique within the feed. */
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

/** The first candidate with a username's form; switches put other texts there too. */
export function firstUsername(candidates: unknown[]): number | undefined {
  for (const candidate of candidates) {
    if (typeof candidate === 'number') {
      const isUsername = candidate >= 1e9 && candidate < 1e10 && Number.isInteger(candidate);
      if (isUsername) return candidate;
    } else if (typeof candidate === 'string' && isUsername(candidate)) return Number(candidate);
  }
  return undefined;
}

/**
 * The number that a text dials in the feed's country, in the stored form. A text that is no number
 * does not change.
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

/** The caller's number in the same form. It does not affect the price. */
export function callerNumber(value: unknown, name: string): string {
  return plainNumber(displayText(value, name));
}

/**
 * A text for display only, cut to a maximum length. Callers choose it, so it must not stop the
 * billing of a call. Control characters and damaged characters become U+FFFD.
 * @throws MalformedRecord for an object, an array or a boolean
 */
export function displayText(value: unknown, name: string): string {
  const text = textOf(value, name).slice(0, LONGEST_TEXT);
  return PLAIN.test(text) ? text : text.toWellFormed().replace(/\p{Cc}/gu, '\uFFFD');
}

/**
 * A text that identifies or prices a call, in full length; a missing one is empty.
 * @throws MalformedRecord also for damaged or control characters: texts that differ only in them
 *   would look the same; and for numbers that JSON does not keep apart, such as 1.1 and 1.10
 */
export function wholeText(value: unknown, name: string): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new MalformedRecord(`${name} is a number that is not kept exactly: send it as a string`);
  }
  const text = textOf(value, name);
  if (isDamaged(text)) throw new MalformedRecord(`${name} has damaged or control characters`);
  return text;
}

/** Whether a value is a text that `wholeText` does not accept. */
export function isDamaged(value: unknown): boolean {
  if (typeof value !== 'string' || PLAIN.test(value)) return false;
  return !value.isWellFormed() || /[\p{Cc}\uFFFD]/u.test(value);
}

function textOf(value: unknown, name: string): string {
  const text = typeof value === 'number' ? String(value) : (value ?? '');
  if (typeof text !== 'string') throw new MalformedRecord(`${name} is not a text`);
  return text;
}

/** An IPv4 or IPv6 address; any other value counts as missing. */
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
 * Checks that a talk time fits between a record's own times.
 * @param begins the times of the start and, where the record has it, of the answer
 * @param end undefined where the record does not have it
 * @returns the talk time
 * @throws MalformedRecord where it is longer by more than rounding explains
 */
export function talkWithin(
  talkMicroseconds: number,
  begins: Date[],
  end: Date | undefined,
): number {
  if (!end) return talkMicroseconds;
  const room = end.getTime() - Math.max(...begins.map((begin) => begin.getTime()));
  if (talkMicroseconds > 0 && talkMicroseconds / 1_000 > room + TALK_TOLERANCE_MS) {
    const talk = talkMicroseconds / 1_000_000;
    throw new MalformedRecord(`${talk} s of talk, where the call ended after ${room / 1_000} s`);
  }
  return talkMicroseconds;
}

/** Whether a member has a value; switches write an empty value in several ways. */
export function isThere(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** The first of two values, or the second where the first is missing. */
export function thereOr(value: unknown, other: unknown): unknown {
  return isThere(value) ? value : other;
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
 * The debit of a switch that keeps the balance; zero where it reports no amount.
 * @param names the members' names, for the operator
 * @throws MalformedRecord for a value that the books cannot hold, or an amount without its rate
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

/** A number, or a decimal string without a sign; undefined for any other value. */
export function decimalOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^[0-9]{1,16}(\.[0-9]{1,9})?$/.test(value)) return undefined;
  return Number(value);
}
