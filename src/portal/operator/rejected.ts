import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { dismissRejected } from '../../domain/calls/rejected-record.ts';
import {
  countRejected,
  findRejected,
  listRejected,
  type OpenRejected,
  type RejectedSummary,
} from '../../domain/calls/rejected-search.ts';
import * as entered from '../../domain/entered-values.ts';
import { readPage } from '../../domain/page.ts';
import { Refusal } from '../../domain/refusal.ts';
import { type Html, html } from '../../html.ts';
import { REPLAY_QUEUE, replayRejected } from '../../ingest/replay.ts';
import type { Service } from '../../service.ts';
import { emptyState, facts, panel } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { table } from '../components/table.ts';
import { time } from '../components/time.ts';
import { KEEPS_DRAFT, takeDraft } from '../draft.ts';
import { readFields } from '../entered.ts';
import { formFields, queryNumber } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showDone } from '../shown-once.ts';
import { form, may, type View, zoneOf } from '../view.ts';
import { administrator } from './actor.ts';
import { pageLinks } from './page-links.ts';

const PAGE = 50;
const LONGEST_SHOWN_BYTES = 100_000;

/** Records from switches that could not be billed. */
export function rejectedPages(app: FastifyInstance, service: Service): void {
  const { db, queue, config, clock } = service;

  app.get('/admin/rejected', async (request, reply) => {
    const { view } = request;
    const m = view.m.operator;
    const after = queryNumber(request, 'after') ?? 0;
    const { rows: records, next } = await readPage(
      PAGE,
      (limit) => listRejected(db, { after, limit }),
      ({ id }) => id,
    );
    const content = html`<p class="quiet-text">${m.rejected.explain} ${m.rejected.open(await countRejected(db))}.</p>
<section class="panel">
${records.length > 0 ? recordTable(view, records) : emptyState(m.rejected.none, m.rejected.noneText)}
${pageLinks(view, { path: '/admin/rejected', by: 'after', at: after, next })}
</section>`;
    const all = form(
      view,
      '/admin/rejected/replay',
      html`<button>${m.rejected.replayAll}</button>`,
    );
    const aside = records.length > 0 && may(view, 'money') ? all : undefined;
    return sendPage(reply, view, { title: m.rejected.title, content, aside });
  });

  app.get('/admin/rejected/:id', async (request, reply) => {
    const typed = (await takeDraft(service, request))?.fields.reason;
    const page = recordPage(request.view, await recordOf(request), { typed });
    return sendPage(reply, request.view, page);
  });

  app.post('/admin/rejected/replay', async (request, reply) => {
    await queue.send(db, REPLAY_QUEUE, administrator(request));
    return showDone(service, reply, '/admin/rejected', 'replay-started');
  });

  app.post('/admin/rejected/:id/replay', async (request, reply) => {
    const { id } = await recordOf(request);
    const { retentionMonths, emergencyNumbers } = config;
    const options = { now: clock(), retentionMonths, emergencyNumbers, ids: [id] };
    await replayRejected(db, administrator(request), options);
    const left = await findRejected(db, id);
    if (left) {
      const page = recordPage(request.view, left, { still: true });
      return sendPage(reply, request.view, page);
    }
    return showDone(service, reply, '/admin/rejected', 'replayed');
  });

  app.post('/admin/rejected/:id/dismiss', KEEPS_DRAFT, async (request, reply) => {
    const record = await recordOf(request);
    const fields = formFields(request);
    const { view } = request;
    const { values, problems } = readFields(view.m, fields, { reason: entered.words });
    if (problems) {
      const page = recordPage(view, record, {
        typed: fields.reason,
        problem: problems.reason,
      });
      return sendPage(reply, view, page);
    }
    const dismissal = { ids: [record.id], reason: values.reason };
    await dismissRejected(db, administrator(request), dismissal, clock());
    return showDone(service, reply, '/admin/rejected', 'dismissed');
  });

  async function recordOf(request: FastifyRequest): Promise<OpenRejected> {
    const { id } = request.params as { id: string };
    const record = /^[0-9]{1,15}$/.test(id) ? await findRejected(db, Number(id)) : undefined;
    if (!record) throw new Refusal('not found', 'Not found');
    return record;
  }
}

function recordTable(view: View, records: RejectedSummary[]) {
  const m = view.m.operator.rejected;
  return table<RejectedSummary>(view, {
    caption: m.title,
    rows: records,
    columns: [
      {
        label: m.received,
        cell: ({ id, receivedAt }) =>
          html`<a href="/admin/rejected/${id}">${time(view, receivedAt, zoneOf(view), { seconds: true, zone: true, brief: true })}</a>`,
      },
      { label: m.feed, cell: ({ feed }) => feed },
      { label: m.reason, cell: ({ reason }) => m.reasons[reason] },
      { label: m.detail, cell: ({ detail }) => freeText(detail) },
    ],
  });
}

interface Attempt {
  /** it was replayed just now and rejected again */
  still?: boolean;
  /** the typed reason for dismissing it, and its fault */
  typed?: string | undefined;
  problem?: string | undefined;
}

function recordPage(view: View, record: OpenRejected, attempt: Attempt = {}): Page {
  const { still, typed, problem } = attempt;
  const m = view.m.operator.rejected;
  const { id, feed, format, reason, detail, raw, receivedAt } = record;
  const content = html`${still && html`<p class="notice warn" role="status">${m.still(detail)}</p>`}
${panel(
  m.reasons[reason],
  facts([
    { label: m.detail, value: detail },
    { label: m.feed, value: feed },
    { label: m.format, value: format },
    {
      label: m.received,
      value: time(view, receivedAt, zoneOf(view), { seconds: true, zone: true, brief: true }),
    },
  ]),
)}
${panel(`${m.raw} (${m.bytes(raw.length)})`, html`<pre class="raw" tabindex="0">${shown(raw)}</pre>`)}
${may(view, 'money') && resolution(view, id, typed, problem)}`;
  return { title: m.record(id), content, status: problem ? 400 : 200 };
}

/** The forms that close a record: replay and dismissal. */
function resolution(view: View, id: number, typed?: string, problem?: string): Html {
  const m = view.m.operator.rejected;
  return html`<section class="panel"><p>${m.replayText}</p>
${form(view, `/admin/rejected/${id}/replay`, html`<button>${m.replay}</button>`)}</section>
<section class="panel"><p>${m.dismissText}</p>
${form(view, `/admin/rejected/${id}/dismiss`, html`${field({ name: 'reason', label: m.dismissReason, value: typed, problem, required: true, maxLength: 200 })}<button class="quiet">${m.dismiss}</button>`)}</section>`;
}

/** Bytes as text, or in hexadecimal if they are not text. */
function shown(raw: Buffer): string {
  const bytes = raw.subarray(0, LONGEST_SHOWN_BYTES);
  const rest = raw.length > bytes.length ? ' …' : '';
  const text = isUtf8(raw)
    ? bytes.toString()
    : (bytes.toString('hex').match(/.{1,64}/g) ?? []).join('\n');
  return text + rest;
}
