import type { FastifyInstance } from 'fastify';
import type { Service } from '../service.ts';

// The standard recommends less than a year; an expired file should not be used.
const VALID_MS = 180 * 86_400_000;

/**
 * Serves the contacts for reports of weaknesses, if the operator has set them.
 * Source: RFC 9116.
 */
export function serveSecurityTxt(app: FastifyInstance, { config, clock }: Service): void {
  const { securityContacts, publicUrl } = config;
  if (securityContacts.length === 0) return;
  const path = '/.well-known/security.txt';
  app.get(path, async (_request, reply) => {
    const lines = [
      ...securityContacts.map((contact) => `Contact: ${contact}`),
      `Expires: ${new Date(clock().getTime() + VALID_MS).toISOString()}`,
      ...(publicUrl ? [`Canonical: ${publicUrl}${path}`] : []),
    ];
    return reply.type('text/plain; charset=utf-8').send(`${lines.join('\n')}\n`);
  });
}
