import type { Database } from '../db/database.ts';
import { type ReportedContact, reportContacts } from '../domain/sip/reported-contact.ts';
import { readBatches, TooManyRecords } from './bodies/batches.ts';
import { readJsonRecords } from './bodies/json-records.ts';
import type { Piece } from './bodies/pieces.ts';
import type { Body } from './bodies/unpack.ts';
import { readContactReport } from './contact-report.ts';
import { isFreeswitchEvent, readFreeswitchEvent } from './formats/freeswitch-registration.ts';
import { isOpensipsEvent, readOpensipsEvent } from './formats/opensips-registration.ts';
import { MalformedRecord, type Origin, wholeBody } from './record.ts';

const DAMAGED_SHOWN = 5;

export interface TakenInRegistrations {
  stored: number;
  /** registrations of unknown accounts */
  unknown: number;
  malformed: number;
  /** the first malformed ones: what is wrong, and their line in the body */
  reports: { detail: string; line: number }[];
}

type Parsed = { contact: ReportedContact } | { detail: string; line: () => number };

/** Takes in registrations from switches. The form of each record shows its kind. */
export async function takeInRegistrations(
  db: Database,
  { chunks }: Body,
  now: Date,
): Promise<TakenInRegistrations> {
  const taken: TakenInRegistrations = { stored: 0, unknown: 0, malformed: 0, reports: [] };
  const damaged = (detail: string, line: () => number) => {
    taken.malformed++;
    if (taken.reports.length < DAMAGED_SHOWN) taken.reports.push({ detail, line: line() });
  };
  if (!chunks) damaged('damaged gzip', () => 1);
  const read = (piece: Piece) => readReports(piece, now);
  const isGood = (parsed: Parsed) => 'contact' in parsed;
  try {
    for await (const batch of readBatches(chunks ?? [], read, { isGood })) {
      const contacts: ReportedContact[] = [];
      for (const parsed of batch) {
        if ('contact' in parsed) contacts.push(parsed.contact);
        else damaged(parsed.detail, parsed.line);
      }
      if (contacts.length === 0) continue;
      const stored = await reportContacts(db, contacts);
      taken.stored += stored;
      taken.unknown += contacts.length - stored;
    }
  } catch (error) {
    if (!(error instanceof TooManyRecords)) throw error;
    damaged(error.message, () => 1);
  }
  return taken;
}

/** The registrations of a piece, and what is wrong with the malformed ones. */
export function readReports(piece: Piece, now: Date): Iterable<Parsed | undefined> {
  const damaged = (origin: Origin, detail: string) => ({
    detail,
    line: () => piece.linesBefore + origin.line(),
  });
  if (piece.isTooLong) return [damaged(wholeBody(piece.bytes), 'it is too long for a report')];
  return readJsonRecords<Parsed>(piece.bytes, {
    read: (record, origin) => {
      try {
        return { contact: readContact(record, now) };
      } catch (error) {
        if (!(error instanceof MalformedRecord)) throw error;
        return damaged(origin, error.message);
      }
    },
    damaged,
  });
}

function readContact(record: Record<string, unknown>, now: Date): ReportedContact {
  if (isOpensipsEvent(record)) return readOpensipsEvent(record, now);
  if (isFreeswitchEvent(record)) return readFreeswitchEvent(record, now);
  return readContactReport(record, now);
}
