import { readFile } from 'node:fs/promises';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { html } from '../html.ts';
import type { Service } from '../service.ts';
import { page, sendPage } from './layout.ts';
import { tokenPages } from './token-pages.ts';

const FORM_LIMIT_BYTES = 16 * 1024;
const STYLE = new URL('./portal.css', import.meta.url);

/** The pages that people see. */
export async function portal(app: FastifyInstance, service: Service): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: FORM_LIMIT_BYTES },
    async (_request: FastifyRequest, body: string) => Object.fromEntries(new URLSearchParams(body)),
  );
  const style = await readFile(STYLE);
  app.get('/assets/portal.css', async (_request, reply) =>
    reply.type('text/css; charset=utf-8').header('cache-control', 'max-age=3600').send(style),
  );
  app.get('/', async (_request, reply) => {
    const content = html`<p>This is an Account API for VoIP: signup, credentials, balance, calls, monthly charges and SIP registration.</p>
<p><a href="/docs/">How to use the API</a></p>`;
    return sendPage(reply, 200, page(service.config, service.config.brand.name, content));
  });
  tokenPages(app, service);
}
