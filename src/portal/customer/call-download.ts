import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type CallFileFormat, callFile } from '../../domain/calls/call-file.ts';
import { longAnswer } from '../../http/long-answer.ts';
import type { Service } from '../../service.ts';
import { callQuery } from './call-range.ts';
import type { Subject } from './subject.ts';

/** Media types of the files. */
export const TYPES: Record<CallFileFormat, string> = {
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson',
};

/** The calls of a page's query as files, without a limit of rows. */
export function callDownloads(
  app: FastifyInstance,
  service: Service,
  subjectOf: (request: FastifyRequest) => Subject | Promise<Subject>,
): void {
  for (const format of ['csv', 'ndjson'] as const) {
    app.get(`/calls/calls.${format}`, async (request, reply) => {
      const subject = await subjectOf(request);
      const query = callQuery(request, subject, service.clock());
      const file = callFile(service.reader, query, format);
      const { from, to } = query.range;
      return reply
        .header('cache-control', 'no-store')
        .header('content-disposition', `attachment; filename="calls-${from}-${to}.${format}"`)
        .type(TYPES[format])
        .send(await longAnswer(request, subject.username, file));
    });
  }
}
