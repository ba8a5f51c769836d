import type { ReportedContact } from '../../domain/sip/reported-contact.ts';
import { decimalOf, MalformedRecord } from '../record.ts';
import { expiryAfter, reportTime, toContact } from './contact.ts';

type Members = Record<string, unknown>;

const SUBCLASS = 'Event-Subclass';

/** Whether a record is a FreeSWITCH event, serialized to JSON by its event system. */
export function isFreeswitchEvent(record: Members): boolean {
  return typeof record[SUBCLASS] === 'string';
}

/**
 * Reads sofia::register, sofia::unregister and sofia::expire. On register, `expires` counts
 * seconds. If a phone's connection breaks, unregister has no contact; the contact then ends when it
 * expires. Source: src/mod/endpoints/mod_sofia/sofia_reg.c.
 */
export function readFreeswitchEvent(record: Members, now: Date): ReportedContact {
  const microseconds = decimalOf(record['Event-Date-Timestamp']);
  const at = microseconds === undefined ? undefined : microseconds / 1_000_000;
  const reportedAt = reportTime(at, now);
  const [ip, port] = [record['network-ip'], record['network-port']];
  return toContact({
    users: [record['from-user'], record.user, record.username],
    contact: record.contact,
    received: typeof ip === 'string' && ip !== '' ? `sip:${hostOf(ip)}${portOf(port)}` : undefined,
    userAgent: record['user-agent'],
    reportedAt,
    expiresAt: isEnd(record[SUBCLASS]) ? reportedAt : expiryAfter(reportedAt, record.expires),
  });
}

function isEnd(subclass: unknown): boolean {
  if (subclass === 'sofia::unregister' || subclass === 'sofia::expire') return true;
  if (subclass !== 'sofia::register') throw new MalformedRecord('event is unknown');
  return false;
}

function hostOf(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

function portOf(port: unknown): string {
  return /^\d{1,5}$/.test(String(port)) ? `:${port}` : '';
}
