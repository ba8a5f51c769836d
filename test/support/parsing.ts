import type { Feed, FeedFormat } from '../../src/domain/calls/feed.ts';
import { readReports } from '../../src/ingest/registrations.ts';
import { PARSERS } from '../../src/ingest/take-in.ts';

export function feedOf(format: FeedFormat, fields: Partial<Feed> = {}): Feed {
  return { name: 'switch-1', format, networks: [], debits: 'service', timeZone: 'UTC', ...fields };
}

/** The result of a format's parser for a body: calls unchanged, the rest in short. */
export function parsed(format: FeedFormat, body: string | Buffer, fields: Partial<Feed> = {}) {
  const feed = feedOf(format, fields);
  const records = [...PARSERS[format](Buffer.from(body as string), feed)];
  return records.flatMap((record) => {
    if (!record) return [];
    if (record.kind === 'call') return record.call;
    if (record.kind !== 'rejected') return record.kind;
    return {
      detail: record.detail,
      raw: record.origin.raw().toString(),
      line: record.origin.line(),
    };
  });
}

/** The registrations of a body, and the faults of those that cannot be read. */
export function parsedRegistrations(bytes: Buffer, now: Date) {
  const reports = [...readReports({ bytes, linesBefore: 0 }, now)];
  return {
    contacts: reports.flatMap((report) => (report && 'contact' in report ? [report.contact] : [])),
    malformed: reports.flatMap((report) => (report && 'detail' in report ? [report.detail] : [])),
  };
}
