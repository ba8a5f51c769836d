import type { FastifyInstance } from 'fastify';
import { replaceSipSecret, sipSecret } from '../../domain/account/credentials.ts';
import { customerAt } from '../../domain/audit.ts';
import { sipUserOf } from '../../domain/sip/sip-secret.ts';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { sessionOf } from '../access.ts';
import { facts, notice, panel } from '../components/blocks.ts';
import { copyable } from '../components/secret.ts';
import { knowsPassword, passwordField } from '../confirm.ts';
import { formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showOnce, takeShownOnce } from '../shown-once.ts';
import { form, type View } from '../view.ts';

interface Shown {
  secret?: string;
  changed?: boolean;
  wrong?: boolean;
}

/** How to set up a phone. Its SIP secret is shown and replaced after the password is given. */
export function phonePages(app: FastifyInstance, service: Service): void {
  const { db, keyring, queue, config, clock } = service;
  const tools = { keyring, realm: config.sipRealm };

  app.get('/phone', async (request, reply) => {
    const shown = (await takeShownOnce<Shown>(service, request)) ?? {};
    const user = await sipUserOf(db, sessionOf(request).username);
    const page = phonePage(request.view, user, config.sipRealm, shown);
    return sendPage(reply, request.view, page);
  });

  app.post('/phone', async (request, reply) => {
    const { username } = sessionOf(request);
    const { current = '', action } = formFields(request);
    if (!(await knowsPassword(service, request, current))) {
      const user = await sipUserOf(db, username);
      const page = phonePage(request.view, user, config.sipRealm, { wrong: true });
      return sendPage(reply, request.view, page);
    }
    const changed = action === 'change';
    const actor = customerAt(username, `portal ${request.clientAddress}`);
    const { secret } = changed
      ? await replaceSipSecret(db, actor, { sip: tools, queue, now: clock() }, username)
      : await sipSecret(db, tools, username, clock());
    return showOnce(service, reply, '/phone', { secret, changed } satisfies Shown);
  });
}

function phonePage(view: View, user: string, realm: string, shown: Shown): Page {
  const m = view.m.phone;
  const { secret, changed, wrong = false } = shown;
  const settings = facts([
    { label: m.server, value: realm },
    { label: m.username, value: user },
    { label: m.address, value: `sip:${user}@${realm}` },
  ]);
  const shownSecret = secret
    ? html`${changed && notice('good', m.changed)}${copyable(view, 'secret', m.secret, secret)}
<p class="hint">${m.secretShown}</p>`
    : form(
        view,
        '/phone',
        html`<p>${m.secretText}</p>
${passwordField(view, 'current', wrong)}
<div class="buttons"><button name="action" value="show">${m.show}</button> <button name="action" value="change" class="danger">${m.change}</button></div>
<p class="hint">${m.changeHint}</p>`,
        'narrow',
      );
  const steps = html`<ol class="steps">${m.steps.map((step) => html`<li>${step}</li>\n`)}</ol>`;
  const content = html`<div class="columns">${panel(m.settings, html`${settings}${steps}`)}${panel(m.secret, shownSecret)}</div>`;
  return {
    title: m.title,
    content,
    status: wrong ? 400 : 200,
    aside: html`<a class="button quiet" href="/overview">${m.back}</a>`,
  };
}
