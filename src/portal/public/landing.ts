import type { FastifyInstance } from 'fastify';
import { html } from '../../html.ts';
import { sendPage } from '../layout.ts';
import { homeOf } from '../navigation.ts';

/** The first page: what the service is, and how to sign in. */
export function landingPage(app: FastifyInstance): void {
  app.get('/', async (request, reply) => {
    const { view, session } = request;
    if (session) return reply.redirect(homeOf(session), 303);
    const m = view.m.landing;
    const content = html`<p>${m.lead}</p>
<div class="buttons">
<a class="button" href="/sign-in">${m.signIn}</a>
<a class="button quiet" href="/sign-up">${m.signUp}</a>
</div>`;
    return sendPage(reply, view, { title: view.brand.name, content });
  });
}
