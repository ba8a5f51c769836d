import type { ReportedContact } from '../domain/registration.ts';
import { readJsonRecords } from './json-records.ts';
import { decimalOf, firstUsername, MalformedRecord, textOf } from './record.ts';

const LONGEST_EXPIRY_SECONDS = 7 * 86_400;

export interface ParsedRegistrations {
  contacts: ReportedContact[];
  malformed: number;
}

/**
 * Registrations as switches push them: `event` (register, unregister or expired), `user` or `aor`,
 * `contact`, `user_agent`, `expires` and `ts`. `expires` counts seconds from `ts` on register; on
 * the other events it does not matter.
 */
export function parseRegistrations(body: Buffer, now: Date): ParsedRegistrations {
  const read = readJsonRecords(body, {
    read: (record) => contactOrNothing(record, now),
    damaged: () => undefined,
  });
  const contacts = read.filter((contact) => contact !== undefined);
  return { contacts, malformed: read.length - contacts.length };
}

function contactOrNothing(record: Record<string, unknown>, now: Date): ReportedContact | undefined {
  try {
    return readContact(record, now);
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error;
    return undefined;
  }
}

function readContact(record: Record<string, unknown>, now: Date): ReportedContact {
  const username = firstUsername([record.user, record.account, userOf(record.aor)]);
  if (username === undefined) throw new MalformedRecord('no username of ten digits');
  const [, uri = ''] =
    /^\s*(?:"[^"]*"\s*)?<?([^>\s]+)>?/.exec(textOf(record.contact, 'contact')) ?? [];
  if (!/^sips?:/i.test(uri)) throw new MalformedRecord('contact is no SIP URI');
  const reportedAt = reportTime(record.ts, now);
  return {
    username,
    contact: uri,
    userAgent: textOf(record.user_agent, 'user_agent'),
    reportedAt,
    expiresAt: new Date(reportedAt.getTime() + lifeSeconds(record) * 1_000),
  };
}

function lifeSeconds({ event, expires }: Record<string, unknown>): number {
  if (event === 'unregister' || event === 'expired') return 0;
  if (event !== 'register') throw new MalformedRecord('event is unknown');
  const seconds = decimalOf(expires);
  if (seconds === undefined || seconds > LONGEST_EXPIRY_SECONDS) {
    throw new MalformedRecord('expires is no number of seconds');
  }
  return seconds;
}

/** A report from the future would outlive every later one, so it counts as made now. */
function reportTime(ts: unknown, now: Date): Date {
  const seconds = decimalOf(ts);
  return seconds === undefined ? now : new Date(Math.min(seconds * 1_000, now.getTime()));
}

function userOf(aor: unknown): unknown {
  return typeof aor === 'string' ? aor.replace(/^sips?:/i, '').split('@')[0] : aor;
}
