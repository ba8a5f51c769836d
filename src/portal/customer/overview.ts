import type { FastifyInstance } from 'fastify';
import { html } from '../../html.ts';
import { sessionOf } from '../access.ts';
import { facts, panel } from '../components/blocks.ts';
import { sendPage } from '../layout.ts';

/** The account at a glance. */
export function overviewPage(app: FastifyInstance): void {
  app.get('/overview', async (request, reply) => {
    const { view } = request;
    const { username, name } = sessionOf(request);
    const content = panel(name, facts([{ label: 'Username', value: html`${username}` }]));
    return sendPage(reply, view, { title: view.m.navigation.overview, content });
  });
}
