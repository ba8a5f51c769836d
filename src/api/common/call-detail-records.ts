import type { Caller } from '../../domain/access/caller.ts';
import { secondsField } from '../../http/fields.ts';
import { Type } from '../../http/schema.ts';
import type { Service } from '../../service.ts';
import { callRecordsFor, type SecondsRange } from './call-record.ts';

const DAY_SECONDS = 86_400;

/** The range of calls that a client asks for. */
export const rangeFields = {
  start: Type.Optional(
    secondsField('Newer bound in Unix seconds; left out, the present', 1700000000),
  ),
  end: Type.Optional(
    secondsField('Older bound in Unix seconds; left out, 24 hours ago', 1699913600),
  ),
};

/** The members of an answer. */
export const callDetailRecords = {
  cdr: Type.Array(
    Type.Object({
      id: Type.String(),
      key: Type.Array(Type.String(), {
        minItems: 2,
        maxItems: 2,
        description: 'Username and start in Unix seconds',
      }),
      value: Type.Object({
        cid: Type.String(),
        dst: Type.String(),
        ip: Type.Optional(Type.String()),
        dur: Type.String(),
        nr: Type.String(),
        ba: Type.Optional(Type.String()),
        cn: Type.Optional(Type.String()),
      }),
    }),
  ),
};

export const callDetailRecordsExample = {
  cdr: [
    {
      id: 'f2ce9c30a4d14c5e8d2f6b7a8c9d0e1f',
      key: ['4592086960', '1747345200'],
      value: {
        cid: '8666326621',
        dst: '8008786160',
        ip: '192.0.2.13',
        dur: '40',
        nr: '0.025',
        ba: '0.017500',
        cn: 'TOLL%20FREE%20CALL',
      },
    },
  ],
};

interface Asked {
  service: Service;
  keyDigest: () => Promise<Buffer>;
  caller: () => Promise<Caller>;
  body: { start?: number | string; end?: number | string };
}

/**
 * The calls of the key's account. Swapped bounds mean the same range.
 * @param envelope puts members, as JSON text, into the body of a success
 * @param membersOf a version's own members before the calls, each followed by a comma
 * @returns JSON text of the members, without the envelope, or the parts of a long body
 */
export async function answerCallDetailRecords(
  { service, caller, keyDigest, body }: Asked,
  envelope: (members: string) => string,
  membersOf: (range: SecondsRange) => string = () => '',
): Promise<string | AsyncIterable<string>> {
  const now = Math.floor(service.clock().getTime() / 1_000);
  const bounds = [Number(body.start ?? now), Number(body.end ?? now - DAY_SECONDS)];
  const range: SecondsRange = { from: Math.min(...bounds), to: Math.max(...bounds) };
  const rows = await callRecordsFor({ service, caller, keyDigest }, range);
  const own = membersOf(range);
  return typeof rows === 'string'
    ? `${own}"cdr":[${rows.slice(1)}]`
    : longBody(envelope(`${own}"cdr":[|]`), rows);
}

async function* longBody(body: string, rows: AsyncIterable<string>) {
  const [start = '', end = ''] = body.split('|');
  let head = start;
  for await (const some of rows) {
    yield head === '' ? some : head + some.slice(1);
    head = '';
  }
  yield end;
}
