import type { Feed, FeedFormat } from '../../src/domain/calls/feed.ts';
import { PARSERS } from '../../src/ingest/take-in.ts';

export function feedOf(format: FeedFormat, fields: Partial<Feed> = {}): Feed {
  return { name: 'switch-1', format, networks: [], debits: 'service', timeZone: 'UTC', ...fields };
}

/** What a format's parser makes of a body: calls as they are, the rest in short. */
export function parsed(format: FeedFormat, body: string | Buffer, fields: Partial<Feed> = {}) {
  const feed = feedOf(format, fields);
  return PARSERS[format](Buffer.from(body as string), feed).map((record) => {
    if (record.kind === 'call') return record.call;
    if (record.kind === 'unbilled leg') return 'unbilled leg';
    return {
      detail: record.detail,
      raw: record.origin.raw().toString(),
      line: record.origin.line(),
    };
  });
}
