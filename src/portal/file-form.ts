import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Service } from '../service.ts';
import { requireStaff } from './access.ts';
import { type Fields, parseFormData } from './input.ts';

const FILE_LIMIT_BYTES = 8 * 1024 * 1024;

/**
 * Lets the staff's routes of a plugin take forms with a file. The file's text is the field's value.
 * A body is read only for someone whose role permits the route: to parse it may take seconds.
 */
export function takeFiles(app: FastifyInstance, service: Service): void {
  app.addHook('onRequest', requireStaff(service));
  app.addContentTypeParser(
    'multipart/form-data',
    { parseAs: 'buffer', bodyLimit: FILE_LIMIT_BYTES },
    async (request: FastifyRequest, body: Buffer): Promise<Fields> =>
      parseFormData(body, request.headers['content-type'] ?? ''),
  );
}
