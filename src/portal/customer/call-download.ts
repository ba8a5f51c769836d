import { Transform, type TransformCallback } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { decodedName, type ListedCall, streamCalls } from '../../domain/call-list.ts';
import type { Service } from '../../service.ts';
import { callQuery } from './call-range.ts';
import type { Subject } from './subject.ts';

const CSV_COLUMNS = [
  'start',
  'account',
  'caller',
  'caller_name',
  'called',
  'source_ip',
  'talk_seconds',
  'billed_seconds',
  'rate_per_minute',
  'amount',
  'id',
] as const;

type Line = (call: ListedCall) => string;

/** The calls of a page's query as files, however many there are. */
export function callDownloads(
  app: FastifyInstance,
  service: Service,
  subjectOf: (request: FastifyRequest) => Subject | Promise<Subject>,
): void {
  const download = (extension: string, type: string, head: string, line: Line) =>
    app.get(`/calls/calls.${extension}`, async (request, reply) => {
      const query = callQuery(request, await subjectOf(request), service.clock());
      const rows = await streamCalls(service.reader, query);
      const body = eachLine(head, line);
      rows.on('error', (error) => body.destroy(error));
      body.on('close', () => rows.destroy());
      const { from, to } = query.range;
      return reply
        .header('cache-control', 'no-store')
        .header('content-disposition', `attachment; filename="calls-${from}-${to}.${extension}"`)
        .type(type)
        .send(rows.pipe(body));
    });
  download('csv', 'text/csv; charset=utf-8', `${CSV_COLUMNS.join(',')}\r\n`, csvLine);
  download('ndjson', 'application/x-ndjson', '', ndjsonLine);
}

/** Turns lines of JSON into others, as they come. */
function eachLine(head: string, line: Line): Transform {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let before = head;
  const convert = (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    const converted = before + lines.map((one) => line(JSON.parse(one) as ListedCall)).join('');
    before = '';
    return converted;
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      done(null, convert(decoder.write(chunk)));
    },
    flush(done) {
      done(null, convert(decoder.end()));
    },
  });
}

function ndjsonLine(call: ListedCall): string {
  const { startedAt, callerName, ...rest } = call;
  const start = new Date(startedAt).toISOString();
  return `${JSON.stringify({ start, ...rest, callerName: decodedName(callerName) })}\n`;
}

function csvLine(call: ListedCall): string {
  const values: Record<(typeof CSV_COLUMNS)[number], string | number | null> = {
    start: new Date(call.startedAt).toISOString(),
    account: call.account,
    caller: call.caller,
    caller_name: decodedName(call.callerName),
    called: call.called,
    source_ip: call.sourceIp,
    talk_seconds: call.talkSeconds,
    billed_seconds: call.billedSeconds,
    rate_per_minute: call.rate,
    amount: call.amount,
    id: call.id,
  };
  return `${CSV_COLUMNS.map((name) => csvCell(values[name])).join(',')}\r\n`;
}

/** Spreadsheets compute what looks like a formula, and callers choose what they are called. */
function csvCell(value: string | number | null): string {
  const text = String(value ?? '');
  const isFormula = /^[=+@\t\r-]/.test(text) && !/^[+-]?[0-9.]+$/.test(text);
  const safe = isFormula ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
