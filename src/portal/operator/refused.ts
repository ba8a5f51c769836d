import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  countRefused,
  findRefused,
  listRefused,
  type OpenRefusal,
  type RefusedSummary,
} from '../../domain/calls/call-refused.ts';
import { Refusal } from '../../domain/refusal.ts';
import { html } from '../../html.ts';
import { REPLAY_QUEUE, replayRefused } from '../../ingest/replay.ts';
import type { Service } from '../../service.ts';
import { cookiesOf } from '../access.ts';
import { emptyState, facts, paging, panel } from '../components/blocks.ts';
import { table } from '../components/table.ts';
import { time } from '../components/time.ts';
import { queryText } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { form, type View, zoneOf } from '../view.ts';
import { administrator } from './actor.ts';

const PAGE = 50;
const LONGEST_SHOWN_BYTES = 100_000;

/** What switches sent and could not be billed. */
export function refusedPages(app: FastifyInstance, service: Service): void {
  const { db, queue, config, clock } = service;

  app.get('/admin/refused', async (request, reply) => {
    const { view } = request;
    const m = view.m.operator;
    const after = Number(queryText(request, 'after').match(/^[0-9]{1,15}$/)?.[0] ?? 0);
    const found = await listRefused(db, { after, limit: PAGE + 1 });
    const records = found.slice(0, PAGE);
    const path = '/admin/refused';
    const next = found.length > PAGE ? records.at(-1)?.id : undefined;
    const content = html`<p class="quiet-text">${m.refused.explain} ${m.refused.open(await countRefused(db))}.</p>
<section class="card">
${records.length > 0 ? recordTable(view, records) : emptyState(m.refused.none, m.refused.noneText)}
${paging({
  label: m.paging.label,
  first: after > 0 ? { href: path, text: m.paging.first } : undefined,
  next: next ? { href: `${path}?after=${next}`, text: m.paging.next } : undefined,
})}
</section>`;
    const all = form(view, '/admin/refused/replay', html`<button>${m.refused.replayAll}</button>`);
    const aside = records.length > 0 ? all : undefined;
    return sendPage(reply, view, { title: m.refused.title, content, aside });
  });

  app.get('/admin/refused/:id', async (request, reply) =>
    sendPage(reply, request.view, recordPage(request.view, await recordOf(request))),
  );

  app.post('/admin/refused/replay', async (request, reply) => {
    await queue.send(db, REPLAY_QUEUE, administrator(request));
    queue.wake(REPLAY_QUEUE);
    cookiesOf(service).set(reply, 'flash', 'replay-started');
    return reply.redirect('/admin/refused', 303);
  });

  app.post('/admin/refused/:id/replay', async (request, reply) => {
    const { id } = await recordOf(request);
    const { retentionMonths } = config;
    await replayRefused(db, administrator(request), { now: clock(), retentionMonths, ids: [id] });
    const left = await findRefused(db, id);
    if (left) {
      const page = recordPage(request.view, left, true);
      return sendPage(reply, request.view, page);
    }
    cookiesOf(service).set(reply, 'flash', 'replayed');
    return reply.redirect('/admin/refused', 303);
  });

  async function recordOf(request: FastifyRequest): Promise<OpenRefusal> {
    const { id } = request.params as { id: string };
    const record = /^[0-9]{1,15}$/.test(id) ? await findRefused(db, Number(id)) : undefined;
    if (!record) throw new Refusal('not found', 'Not found');
    return record;
  }
}

function recordTable(view: View, records: RefusedSummary[]) {
  const m = view.m.operator.refused;
  return table<RefusedSummary>({
    caption: m.title,
    rows: records,
    columns: [
      {
        label: m.received,
        cell: ({ id, receivedAt }) =>
          html`<a href="/admin/refused/${id}">${time(receivedAt, zoneOf(view), { seconds: true, zone: true })}</a>`,
      },
      { label: m.feed, cell: ({ feed }) => feed },
      { label: m.reason, cell: ({ reason }) => reason },
      { label: m.detail, cell: ({ detail }) => detail },
    ],
  });
}

/** @param still it was replayed just now, and is set aside as before */
function recordPage(view: View, record: OpenRefusal, still = false): Page {
  const m = view.m.operator.refused;
  const { id, feed, format, reason, detail, raw, receivedAt } = record;
  const content = html`${still && html`<p class="notice warn" role="status">${m.still(detail)}</p>`}
${panel(
  reason,
  facts([
    { label: m.detail, value: detail },
    { label: m.feed, value: feed },
    { label: m.format, value: format },
    { label: m.received, value: time(receivedAt, zoneOf(view), { seconds: true, zone: true }) },
  ]),
)}
${panel(`${m.raw} (${m.bytes(raw.length)})`, html`<pre class="raw" tabindex="0">${shown(raw)}</pre>`)}
<section class="card"><p>${m.replayText}</p>
${form(view, `/admin/refused/${id}/replay`, html`<button>${m.replay}</button>`)}</section>`;
  return { title: m.record(id), content };
}

/** Bytes as text, or in hexadecimal where they are none. */
function shown(raw: Buffer): string {
  const bytes = raw.subarray(0, LONGEST_SHOWN_BYTES);
  const rest = raw.length > bytes.length ? ' …' : '';
  const text = isUtf8(raw)
    ? bytes.toString()
    : (bytes.toString('hex').match(/.{1,64}/g) ?? []).join('\n');
  return text + rest;
}
