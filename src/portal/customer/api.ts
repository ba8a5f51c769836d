import type { FastifyInstance, FastifyRequest } from 'fastify';
import { keyOf } from '../../domain/access/api-key.ts';
import { HourlyLimit } from '../../domain/access/hourly-limit.ts';
import { renewKey } from '../../domain/account/credentials.ts';
import { customerAt } from '../../domain/audit.ts';
import { type Html, html } from '../../html.ts';
import { limitKey } from '../../http/client-address.ts';
import type { Service } from '../../service.ts';
import { addressAsked } from '../../service-address.ts';
import { sessionOf } from '../access.ts';
import { notice, panel } from '../components/blocks.ts';
import { copyable } from '../components/secret.ts';
import { table } from '../components/table.ts';
import { span } from '../components/time.ts';
import { knowsPassword, passwordField } from '../confirm.ts';
import { formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showOnce, takeShownOnce } from '../shown-once.ts';
import { form, type View } from '../view.ts';
import { NAMED_KEYS } from './named-keys.ts';

const LIMITED = ['info', 'cdr', 'mrc', 'apikey'] as const;
const NO_KEY = 'YOUR_API_KEY';

interface Shown {
  key?: string;
  changed?: boolean;
  wrong?: boolean;
}

/**
 * The API key, shown and replaced after the password is given; how to use it, and its remaining
 * limit.
 */
export function apiPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, queue, clock } = service;

  app.get('/api', async (request, reply) =>
    sendPage(
      reply,
      request.view,
      await apiPage(service, request, (await takeShownOnce<Shown>(service, request)) ?? {}),
    ),
  );

  app.post('/api', async (request, reply) => {
    const { username } = sessionOf(request);
    const { current = '', action } = formFields(request);
    if (!(await knowsPassword(service, request, current))) {
      return sendPage(reply, request.view, await apiPage(service, request, { wrong: true }));
    }
    const changed = action === 'change';
    const actor = customerAt(username, `portal ${request.clientAddress}`);
    const key = changed
      ? await renewKey(db, actor, { keyring, queue, now: clock() }, username)
      : await keyOf(db, keyring, username);
    return showOnce(service, reply, '/api', { key, changed } satisfies Shown);
  });
}

async function apiPage(service: Service, request: FastifyRequest, shown: Shown): Promise<Page> {
  const { view } = request;
  const m = view.m.api;
  const content = html`${keyPanel(view, shown)}
${panel(m.commands, commands(view, service, request, shown.key ?? NO_KEY), html`<a href="/docs/">${m.reference}</a>`)}
${await limitsPanel(view, service, request)}`;
  const aside = html`<a class="button quiet" href="${NAMED_KEYS}">${view.m.namedKeys.manage}</a>`;
  return { title: view.m.navigation.api, content, aside, status: shown.wrong ? 400 : 200 };
}

function keyPanel(view: View, { key, changed, wrong = false }: Shown): Html {
  const m = view.m.api;
  if (key) {
    return panel(
      m.key,
      html`${changed && notice('good', m.changed)}${copyable(view, 'key', m.key, key)}
<p class="hint">${m.keyShown}</p>`,
    );
  }
  const fields = html`${passwordField(view, 'current', wrong)}
<div class="buttons"><button name="action" value="show">${m.show}</button> <button name="action" value="change" class="danger">${m.change}</button></div>
<p class="hint">${m.changeHint}</p>`;
  return panel(m.key, html`<p>${m.keyText}</p>\n${form(view, '/api', fields, 'narrow')}`);
}

function commands(view: View, { config }: Service, request: FastifyRequest, key: string): Html {
  const m = view.m.api;
  const url = addressAsked(config, request);
  const curl = (operation: string, body?: object) =>
    `curl -X POST -H 'Authorization: Bearer ${key}'` +
    (body ? ` -H 'Content-Type: application/json' --data '${JSON.stringify(body)}'` : '') +
    ` ${url}/v2.1/account/${operation}/`;
  const now = Math.floor(view.now.getTime() / 1_000);
  return html`${key === NO_KEY && html`<p class="quiet-text">${m.placeholder(NO_KEY)}</p>`}
${copyable(view, 'curl-info', m.info, curl('info'))}
${copyable(view, 'curl-cdr', m.cdr, curl('cdr', { start: now, end: now - 7 * 86_400 }))}
${copyable(view, 'curl-mrc', m.mrc, curl('mrc'))}
${copyable(view, 'curl-registration', m.registration, curl('registration'))}`;
}

async function limitsPanel(
  view: View,
  { db, config }: Service,
  request: FastifyRequest,
): Promise<Html> {
  const m = view.m.api;
  const perHour = config.rateLimitPerHour;
  if (perHour === 0) return panel(m.limits, html`<p>${m.noLimits}</p>`);
  const address = limitKey(request.clientAddress);
  const rows = await Promise.all(
    LIMITED.map(async (operation) => ({
      operation,
      ...(await new HourlyLimit(db, operation, perHour).remaining(address)),
    })),
  );
  return panel(
    m.limits,
    html`<p class="quiet-text">${m.limitsText(address)}</p>
${table<(typeof rows)[number]>(view, {
  caption: m.limits,
  columns: [
    { label: m.operation, cell: ({ operation }) => html`<code>${operation}</code>` },
    { label: m.left, numeric: true, cell: ({ left }) => m.leftOf(left, perHour) },
    {
      label: m.resets,
      numeric: true,
      cell: ({ secondsToEnd }) => (secondsToEnd > 0 ? span(secondsToEnd, view.m) : '–'),
    },
  ],
  rows,
})}`,
  );
}
