import { fieldRequired, invalidField, rateLimited, unauthorized } from '../../domain/refusal.ts';
import { apikeyField, SECONDS_REQUIREMENT, secondsField } from '../../http/fields.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';
import { callRecordsFor, type SecondsRange } from './call-record.ts';
import { face } from './face.ts';

const DAY_SECONDS = 86_400;

export const cdr = operation({
  name: 'cdr',
  operationId: 'accountCdr',
  summary: 'Get the call detail records',
  description:
    "The account's calls, newest first. `start` is the newer bound and `end` the older one; " +
    'both are included.',
  auth: 'key',
  required: ['apikey'],
  limit: ({ config }) => config.rateLimitPerHour,
  body: Type.Object({
    apikey: apikeyField,
    start: Type.Optional(
      secondsField('Newer bound in Unix seconds; left out, the present', 1700000000),
    ),
    end: Type.Optional(
      secondsField('Older bound in Unix seconds; left out, 24 hours ago', 1699913600),
    ),
  }),
  success: {
    cdr: Type.Array(
      Type.Object({
        id: Type.String(),
        key: Type.Array(Type.String()),
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
  },
  example: {
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
  },
  refusals: [
    fieldRequired('apikey'),
    invalidField('start', SECONDS_REQUIREMENT),
    unauthorized(),
    rateLimited(3_600),
  ],
  handle: async (call) => {
    const { service, body } = call;
    const now = Math.floor(service.clock().getTime() / 1_000);
    const bounds = [Number(body.start ?? now), Number(body.end ?? now - DAY_SECONDS)];
    const range: SecondsRange = { from: Math.min(...bounds), to: Math.max(...bounds) };
    const rows = await callRecordsFor(call, range);
    return typeof rows === 'string' ? `"cdr":[${rows.slice(1)}]` : longBody(rows);
  },
});

const [HEAD = '', TAIL = ''] = face.success('"cdr":[|]').split('|');

async function* longBody(rows: AsyncIterable<string>) {
  let head = HEAD;
  for await (const some of rows) {
    yield head === '' ? some : head + some.slice(1);
    head = '';
  }
  yield TAIL;
}
