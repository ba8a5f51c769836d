import { randomUUID } from 'node:crypto';

/** A call in the two forms that a benchmark of ingest compares. */
export interface SampleCall {
  id: string;
  username: number;
  startedAtSeconds: number;
  talkSeconds: number;
}

/** New calls of the last hour, distributed over accounts. */
export function sampleCalls(count: number, usernames: number[]): SampleCall[] {
  const now = Math.floor(Date.now() / 1_000);
  return Array.from({ length: count }, (_, n) => ({
    id: randomUUID(),
    username: usernames[n % usernames.length] as number,
    startedAtSeconds: now - ((n * 7_919) % 3_600) - 60,
    talkSeconds: 1 + (n % 300),
  }));
}

/** A JSON array of the generic format. */
export function genericBody(calls: SampleCall[]): string {
  return JSON.stringify(
    calls.map(({ id, username, startedAtSeconds, talkSeconds }) => ({
      id,
      account: username,
      start: startedAtSeconds,
      duration: talkSeconds,
      cid: '8666326621',
      dst: '8008786160',
      ip: '192.0.2.13',
      cn: 'TOLL FREE CALL',
    })),
  );
}

/** The columns of a call's row, in the order of `copyScript`. */
export const COLUMNS = [
  'billing_account',
  'account',
  'started_at',
  'id',
  'caller',
  'called',
  'source_ip',
  'caller_name',
  'talk_microseconds',
  'billed_seconds',
  'rate',
  'amount',
  'debited',
  'feed',
  'content_digest',
  'received_at',
];

/** A COPY of the same rows as a psql script; `\copy` from a file sends the same. */
export function copyScript(calls: SampleCall[]): string {
  const received = new Date().toISOString();
  const rows = calls.map(({ id, username, startedAtSeconds, talkSeconds }) => {
    const started = new Date(startedAtSeconds * 1_000).toISOString();
    const billed = Math.ceil(talkSeconds / 6) * 6;
    const amount = ((0.0075 * billed) / 60).toFixed(6);
    return [
      username,
      username,
      started,
      id,
      '8666326621',
      '8008786160',
      '192.0.2.13',
      'TOLL%20FREE%20CALL',
      talkSeconds * 1_000_000,
      billed,
      '0.0075',
      amount,
      // Unbilled, so the books balance without a debit.
      'false',
      'copy',
      `\\\\x${id.replaceAll('-', '')}`,
      received,
    ].join('\t');
  });
  return `COPY call (${COLUMNS.join(', ')}) FROM STDIN;\n${rows.join('\n')}\n\\.\n`;
}
