import type { FastifyInstance } from 'fastify';
import { html } from '../../html.ts';
import { isolated } from '../components/free-text.ts';
import { icon } from '../components/icon.ts';
import { sendPage } from '../layout.ts';
import { homeOf } from '../navigation.ts';

const ABILITIES = ['overview', 'calls', 'charges', 'phone', 'api'] as const;

/** The first page: whose service it is, what an account can do, and how to sign in. */
export function landingPage(app: FastifyInstance): void {
  app.get('/', async (request, reply) => {
    const { view, session } = request;
    if (session) return reply.redirect(homeOf(session), 303);
    const m = view.m.landing;
    const abilities = ABILITIES.map(
      (name) =>
        html`<div>${icon(name)}<dt>${m.abilities[name].title}</dt><dd>${m.abilities[name].text}</dd></div>\n`,
    );
    const content = html`<div>
<h1>${m.title(isolated(view.brand.name))}</h1>
<p class="lead">${m.lead}</p>
<div class="buttons">
<a class="button" href="/sign-in">${m.signIn}</a>
<a class="button quiet" href="/sign-up">${m.signUp}</a>
</div>
</div>
<dl class="abilities">
${abilities}</dl>`;
    return sendPage(reply, view, { title: m.signIn, content, isLanding: true });
  });
}
