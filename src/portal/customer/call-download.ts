import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type CallFileFormat, callFile } from '../../domain/calls/call-file.ts';
import type { DayRange } from '../../domain/day.ts';
import { type Html, html } from '../../html.ts';
import { longAnswer } from '../../http/long-answer.ts';
import type { Service } from '../../service.ts';
import type { View } from '../view.ts';
import { callQuery } from './call-range.ts';
import type { Subject } from './subject.ts';

export const FORMATS = ['csv', 'ndjson'] as const;

/** Media types of the files. */
const TYPES: Record<CallFileFormat, string> = {
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson',
};

/** The calls of a page's query as files, without a limit of rows. */
export function callDownloads(
  app: FastifyInstance,
  service: Service,
  subjectOf: (request: FastifyRequest) => Subject | Promise<Subject>,
): void {
  for (const format of FORMATS) {
    app.get(`/calls/calls.${format}`, async (request, reply) => {
      const subject = await subjectOf(request);
      const query = callQuery(request, subject, service.clock());
      const lines = callFile(service.reader, query, format);
      const file = { name: 'calls', range: query.range, format, lines };
      return sendCallFile(reply, subject.username, file);
    });
  }
}

/** Answers with a file of calls, for an account that is signed in. */
export async function sendCallFile(
  reply: FastifyReply,
  username: number,
  file: {
    name: string;
    range: DayRange;
    format: CallFileFormat;
    lines: AsyncIterable<string>;
  },
): Promise<FastifyReply> {
  const { name, range, format, lines } = file;
  const { from, to } = range;
  return reply
    .header('cache-control', 'no-store')
    .header('content-disposition', `attachment; filename="${name}-${from}-${to}.${format}"`)
    .type(TYPES[format])
    .send(await longAnswer(reply.request, username, lines));
}

/** Links to the files of calls. @param address of a file, from its name */
export function fileLinks({ m }: View, address: (file: string) => string): Html {
  const link = (format: CallFileFormat) =>
    html`<a class="button quiet small" href="${address(`calls.${format}`)}" download>${m.calls[format]}</a>`;
  return html`<span class="buttons">${link('csv')} ${link('ndjson')}</span>`;
}
