import { isSipUser } from '../../domain/account-name.ts';
import { ALL_CONTACTS, type ReportedContact } from '../../domain/sip/reported-contact.ts';
import {
  decimalOf,
  displayText,
  firstUsername,
  isThere,
  MalformedRecord,
  momentOf,
  wholeText,
} from '../record.ts';

const LONGEST_EXPIRY_SECONDS = 7 * 86_400;
const SECOND_MS = 1_000;
// FreeSWITCH 1.10 sends this contact when all contacts are unregistered.
const FREESWITCH_ALL = 'sip:(null)@(null)';
const SIP_URI = /^sips?:[!-~]{1,1024}$/i;

/** The parts of a contact report that every switch has, under different names. */
export interface ContactFields {
  /** the contact's owner, best candidate first: SIP users or addresses of record */
  users: unknown[];
  contact: unknown;
  received: unknown;
  userAgent: unknown;
  reportedAt: Date;
  /** equals reportedAt where the contact has ended */
  expiresAt: Date;
}

/** @throws MalformedRecord */
export function toContact(fields: ContactFields): ReportedContact {
  const users = fields.users.map(userOf);
  // Some switches put other texts there too.
  const user = String(firstUsername(users) ?? users.find(isSipUser) ?? '');
  if (user === '') throw new MalformedRecord('no SIP user');
  return {
    user,
    contact: contactUri(wholeText(fields.contact, 'contact')),
    received: receivedUri(displayText(fields.received, 'received')),
    userAgent: displayText(fields.userAgent, 'user agent'),
    reportedAt: fields.reportedAt,
    expiresAt: fields.expiresAt,
  };
}

/** The URI of `"Alice" <sip:alice@192.0.2.1;transport=tcp>;expires=60`, or of a bare URI. */
function contactUri(text: string): string {
  if (text.trim() === ALL_CONTACTS) return ALL_CONTACTS;
  const [, bracketed] = /<([^<>]*)>/.exec(text) ?? [];
  const uri = (bracketed ?? text).trim();
  if (uri === FREESWITCH_ALL) return ALL_CONTACTS;
  if (!SIP_URI.test(uri)) throw new MalformedRecord('contact is no SIP URI');
  return uri;
}

function receivedUri(text: string): string | undefined {
  return SIP_URI.test(text) ? text : undefined;
}

/** @param time the contact's end in Unix seconds @throws MalformedRecord */
export function expiryAt(now: Date, time: unknown): Date {
  const left = (decimalOf(time) ?? Number.NaN) - now.getTime() / SECOND_MS;
  return expiryAfter(now, Math.max(0, left));
}

function userOf(address: unknown): unknown {
  return typeof address === 'string' ? address.replace(/^sips?:/i, '').split('@')[0] : address;
}

/**
 * The time of a switch's report. A time in the future counts as now, because it would win over
 * every later report.
 * @param seconds Unix seconds; missing: now
 * @throws MalformedRecord
 */
export function reportTime(seconds: unknown, now: Date): Date {
  if (!isThere(seconds)) return now;
  const at = momentOf(seconds, 'ts');
  return at < now ? at : now;
}

/** @param seconds lifetime from `start` on @throws MalformedRecord */
export function expiryAfter(start: Date, seconds: unknown): Date {
  const value = decimalOf(seconds);
  if (value === undefined || value < 0 || value > LONGEST_EXPIRY_SECONDS) {
    throw new MalformedRecord('expires is no number of seconds');
  }
  return new Date(start.getTime() + value * SECOND_MS);
}
