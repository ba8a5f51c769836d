import type { ReportedContact } from '../domain/sip/registration.ts';
import { readContactReport } from './contact-report.ts';
import { isFreeswitchEvent, readFreeswitchEvent } from './freeswitch-registration.ts';
import { readJsonRecords } from './json-records.ts';
import { isOpensipsEvent, readOpensipsEvent } from './opensips-registration.ts';
import { MalformedRecord, type Origin } from './record.ts';

export interface ParsedRegistrations {
  contacts: ReportedContact[];
  malformed: MalformedReport[];
}

/** What is wrong with a report, and where it stands in the body. */
export interface MalformedReport {
  detail: string;
  line: number;
}

/** Registrations as switches push them, each told by its form. */
export function parseRegistrations(body: Buffer, now: Date): ParsedRegistrations {
  const contacts: ReportedContact[] = [];
  const malformed: MalformedReport[] = [];
  const damaged = (origin: Origin, detail: string) => {
    malformed.push({ detail, line: origin.line() });
  };
  readJsonRecords<void>(body, {
    read: (record, origin) => {
      try {
        contacts.push(readContact(record, now));
      } catch (error) {
        if (!(error instanceof MalformedRecord)) throw error;
        damaged(origin, error.message);
      }
    },
    damaged,
  });
  return { contacts, malformed };
}

function readContact(record: Record<string, unknown>, now: Date): ReportedContact {
  if (isOpensipsEvent(record)) return readOpensipsEvent(record, now);
  if (isFreeswitchEvent(record)) return readFreeswitchEvent(record, now);
  return readContactReport(record, now);
}
