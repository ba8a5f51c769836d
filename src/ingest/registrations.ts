import type { ReportedContact } from '../domain/registration.ts';
import { readContactReport } from './contact-report.ts';
import { isFreeswitchEvent, readFreeswitchEvent } from './freeswitch-registration.ts';
import { readJsonRecords } from './json-records.ts';
import { isOpensipsEvent, readOpensipsEvent } from './opensips-registration.ts';
import { MalformedRecord } from './record.ts';

export interface ParsedRegistrations {
  contacts: ReportedContact[];
  malformed: number;
}

/** Registrations as switches push them, each told by its form. */
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
    if (isOpensipsEvent(record)) return readOpensipsEvent(record, now);
    if (isFreeswitchEvent(record)) return readFreeswitchEvent(record, now);
    return readContactReport(record, now);
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error;
    return undefined;
  }
}
