import type { FastifyInstance } from 'fastify';
import { type AuditEntry, listAudit } from '../../domain/audit.ts';
import { readPage } from '../../domain/page.ts';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { emptyState } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { table } from '../components/table.ts';
import { time } from '../components/time.ts';
import { queryNumber } from '../input.ts';
import { sendPage } from '../layout.ts';
import { type View, zoneOf } from '../view.ts';
import { accountLink } from './accounts.ts';
import { pageLinks } from './page-links.ts';

const PAGE = 50;

/** The changes, and who made them. */
export function auditPage(app: FastifyInstance, { db }: Service): void {
  app.get('/admin/audit', async (request, reply) => {
    const { view } = request;
    const m = view.m.operator;
    const [account, before] = [queryNumber(request, 'account'), queryNumber(request, 'before')];
    const { rows: entries, next } = await readPage(
      PAGE,
      (limit) => listAudit(db, { account, before, limit }),
      ({ id }) => id,
    );
    const query = { account: String(account ?? '') };
    const content = html`<form method="get" action="/admin/audit" class="inline-form" role="search">
${field({ name: 'account', label: m.audit.filter, value: query.account, inputMode: 'numeric' })}
<button class="quiet">${m.audit.show}</button>
</form>
<section class="panel">
${entries.length > 0 ? auditTable(view, entries) : emptyState(m.audit.none, m.audit.noneText)}
${pageLinks(view, { path: '/admin/audit', query, by: 'before', at: before, next })}
</section>`;
    return sendPage(reply, view, { title: m.audit.title, content });
  });
}

function auditTable(view: View, entries: AuditEntry[]) {
  const m = view.m.operator.audit;
  return table<AuditEntry>(view, {
    caption: m.title,
    rows: entries,
    columns: [
      {
        label: m.when,
        cell: ({ at }) => time(view, at, zoneOf(view), { seconds: true, zone: true, brief: true }),
      },
      { label: m.who, cell: ({ actor }) => freeText(actor) },
      { label: m.from, cell: ({ origin }) => origin },
      { label: m.action, cell: ({ action }) => m.actions[action] ?? action },
      { label: m.account, cell: ({ account }) => (account ? accountLink(account) : '–') },
      { label: m.detail, cell: ({ detail }) => described(detail) },
    ],
  });
}

/** `rate: 0.0075 → 0.025`, or one line per member with its value. */
function described(detail: object) {
  const words = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const lines = Object.entries(detail as Record<string, unknown>).map(([name, value]) => {
    const change = value as { before?: unknown; after?: unknown } | null;
    const isChange = typeof change === 'object' && change !== null && 'after' in change;
    return `${name}: ${isChange ? `${words(change.before)} → ${words(change.after)}` : words(value)}`;
  });
  return html`<span class="detail">${lines.join('\n')}</span>`;
}
