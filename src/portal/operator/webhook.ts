import type { FastifyInstance, FastifyRequest } from 'fastify';
import { OVERLAP_HOURS } from '../../domain/access/secret-overlap.ts';
import * as entered from '../../domain/entered-values.ts';
import { readPage } from '../../domain/page.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { Outcome } from '../../domain/webhook/delivery.ts';
import {
  changeEndpoint,
  findEndpoint,
  removeEndpoint,
  rotateWebhookSecret,
  type WebhookEndpoint,
} from '../../domain/webhook/endpoint.ts';
import {
  listDeliveries,
  replayEvents,
  retryDelivery,
  type WebhookDelivery,
} from '../../domain/webhook/replay.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { systemResolve } from '../../webhook/allowed-address.ts';
import { sendTest } from '../../webhook/send.ts';
import { badge, emptyState, facts, notice, panel } from '../components/blocks.ts';
import { confirmed } from '../components/confirmed.ts';
import { field } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { table } from '../components/table.ts';
import { time } from '../components/time.ts';
import { formFields, queryNumber } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showDone, showOnce, takeShownOnce } from '../shown-once.ts';
import { stepUp } from '../step-up.ts';
import { form, type View, zoneOf } from '../view.ts';
import { administrator } from './actor.ts';
import { pageLinks } from './page-links.ts';
import { secretPanel, stateBadge, WEBHOOKS } from './webhooks.ts';

const PAGE = 50;

/** What a page shows above the endpoint, once. */
interface Shown {
  secret?: string;
  notice?: { kind: 'good' | 'bad'; text: string };
}

/** One endpoint of webhooks, with its deliveries. */
export function webhookPage(app: FastifyInstance, service: Service): void {
  const { db, keyring, config, clock } = service;
  const path = `${WEBHOOKS}/:id`;

  app.get(path, async (request, reply) => {
    const endpoint = await endpointOf(request);
    const shown = await takeShownOnce<Shown>(service, request);
    return sendPage(reply, request.view, await endpointPage(request, endpoint, shown));
  });

  app.post(`${path}/test`, async (request, reply) => {
    const endpoint = await endpointOf(request);
    const tools = { db, keyring, clock, allow: config.webhookAllow, resolve: systemResolve };
    const outcome = await sendTest(tools, endpoint);
    return showOnce(service, reply, pathOf(endpoint), { notice: noticeOf(request.view, outcome) });
  });

  app.post(`${path}/rotate`, async (request, reply) => {
    const { id } = await endpointOf(request);
    if (!(await stepUp(service, request, reply))) return reply;
    const rotation = { id, overlapHours: OVERLAP_HOURS.usual };
    const actor = administrator(request);
    const { secret } = await rotateWebhookSecret(db, actor, { keyring, now: clock() }, rotation);
    return showOnce(service, reply, pathOf({ id }), { secret });
  });

  app.post(`${path}/switch`, async (request, reply) => {
    const { id } = await endpointOf(request);
    const changes = { enabled: formFields(request).enabled === 'true' };
    await changeEndpoint(db, administrator(request), { id, changes }, clock());
    return showDone(service, reply, pathOf({ id }), 'saved');
  });

  app.post(`${path}/replay`, async (request, reply) => {
    const { id } = await endpointOf(request);
    const failedSince = new Date(`${formFields(request).since}T00:00:00Z`);
    if (Number.isNaN(failedSince.getTime())) throw new Refusal('malformed', 'since is no day');
    const wanted = { endpoint: id, failedSince };
    const events = await replayEvents(db, administrator(request), wanted, { now: clock() });
    const text = request.view.m.webhooks.replayed(events);
    return showOnce(service, reply, pathOf({ id }), { notice: { kind: 'good', text } });
  });

  app.post(`${path}/retry`, async (request, reply) => {
    const { id } = await endpointOf(request);
    const sequence = entered.recordId(formFields(request).sequence ?? '');
    await retryDelivery(db, administrator(request), { id, sequence }, clock());
    const { m } = request.view;
    const text = m.webhooks.replayed(1);
    return showOnce(service, reply, pathOf({ id }), { notice: { kind: 'good', text } });
  });

  app.post(`${path}/remove`, async (request, reply) => {
    const { id } = await endpointOf(request);
    await removeEndpoint(db, administrator(request), { id }, clock());
    return showDone(service, reply, WEBHOOKS, 'removed');
  });

  async function endpointOf(request: FastifyRequest): Promise<WebhookEndpoint> {
    const { id } = request.params as { id: string };
    if (!/^[0-9]{1,15}$/.test(id)) throw new Refusal('not found', 'Not found');
    return findEndpoint(db, Number(id));
  }

  async function endpointPage(
    request: FastifyRequest,
    endpoint: WebhookEndpoint,
    shown: Shown = {},
  ): Promise<Page> {
    const { view } = request;
    const m = view.m.webhooks;
    const before = queryNumber(request, 'before');
    const { rows, next } = await readPage(
      PAGE,
      (limit) => listDeliveries(db, endpoint.id, {}, { before, limit }),
      ({ sequence }) => sequence,
    );
    const content = html`${shown.secret && secretPanel(view, shown.secret)}${shown.notice && notice(shown.notice.kind, shown.notice.text)}
${panel(endpoint.url, html`${stateOf(view, endpoint)}${actions(view, endpoint)}`)}
<section class="panel"><h2>${m.deliveries}</h2>
${rows.length > 0 ? deliveryTable(view, endpoint, rows) : emptyState(m.noDeliveries, m.noDeliveriesText)}
${pageLinks(view, { path: pathOf(endpoint), by: 'before', at: before, next })}
</section>
${endpoint.enabled && panel(m.replay, replayForm(view, endpoint))}`;
    return { title: m.one(String(endpoint.id)), content };
  }
}

const pathOf = ({ id }: { id: number }) => `${WEBHOOKS}/${id}`;

function noticeOf(view: View, { status, error, tookMs }: Outcome): Shown['notice'] {
  const m = view.m.webhooks;
  const text = m.tested(error ?? m.accepted(status ?? 0), tookMs);
  return { kind: error === null ? 'good' : 'bad', text };
}

function stateOf(view: View, endpoint: WebhookEndpoint): Html {
  const m = view.m.webhooks;
  const { description, types, accounts, lastSuccessAt, waiting, failed } = endpoint;
  return facts([
    { label: m.state, value: stateBadge(view, endpoint) },
    ...(description ? [{ label: m.description, value: freeText(description) }] : []),
    { label: m.types, value: types.join(' ') },
    ...(accounts.length > 0 ? [{ label: m.accounts, value: accounts.join(' ') }] : []),
    {
      label: m.success,
      value: lastSuccessAt ? time(view, lastSuccessAt, zoneOf(view)) : m.never,
    },
    { label: m.waiting, value: view.m.count(waiting) },
    { label: m.failed, value: view.m.count(failed) },
  ]);
}

function actions(view: View, endpoint: WebhookEndpoint): Html {
  const m = view.m.webhooks;
  const path = pathOf(endpoint);
  const button = (action: string, label: string, fields?: Html) =>
    form(view, `${path}/${action}`, html`${fields}<button class="quiet">${label}</button>`);
  const enabled = html`<input type="hidden" name="enabled" value="${String(!endpoint.enabled)}">`;
  return html`<div class="actions">
${button('test', m.test)}
${endpoint.enabled ? confirmed(view, `${path}/switch`, m.disable, { fields: enabled }) : button('switch', m.enable, enabled)}
${confirmed(view, `${path}/rotate`, m.rotate)}
${confirmed(view, `${path}/remove`, m.remove)}
</div>`;
}

const KINDS = { pending: 'warn', delivered: 'good', failed: 'bad' } as const;

function deliveryTable(view: View, endpoint: WebhookEndpoint, rows: WebhookDelivery[]): Html {
  const m = view.m.webhooks;
  const moment = (at: Date) => time(view, at, zoneOf(view), { seconds: true });
  return table<WebhookDelivery>(view, {
    caption: m.deliveries,
    rows,
    columns: [
      { label: m.event, cell: ({ sequence, type }) => html`${type}<br>${sequence}` },
      { label: m.state, cell: ({ state }) => badge(KINDS[state], m.states[state]) },
      { label: m.tries, numeric: true, cell: ({ tries }) => tries },
      {
        label: m.tried,
        cell: ({ triedAt, nextTryAt, tries }) =>
          html`${triedAt ? moment(triedAt) : m.never}${nextTryAt && tries > 0 && html`<br>${m.next}: ${moment(nextTryAt)}`}`,
      },
      {
        label: m.result,
        cell: ({ status, error, tookMs, reply }) =>
          html`${error ?? (status ? m.accepted(status) : '')}${tookMs !== null && html`, ${m.took(tookMs)}`}${reply && html`<details><summary>${m.reply}</summary><pre class="raw">${reply}</pre></details>`}`,
      },
      {
        label: '',
        cell: ({ sequence, state }) =>
          endpoint.enabled && state !== 'pending'
            ? form(
                view,
                `${pathOf(endpoint)}/retry`,
                html`<input type="hidden" name="sequence" value="${sequence}"><button class="quiet small">${m.retry}</button>`,
              )
            : '',
      },
    ],
  });
}

function replayForm(view: View, endpoint: WebhookEndpoint): Html {
  const m = view.m.webhooks;
  const since = field({ name: 'since', label: m.since, type: 'date', required: true });
  const inner = html`<p>${m.replayText}</p>${since}<button class="quiet">${m.replay}</button>`;
  return form(view, `${pathOf(endpoint)}/replay`, inner);
}
