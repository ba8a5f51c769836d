import type { FastifyInstance } from 'fastify';
import { type AuditEntry, searchAudit } from '../../domain/audit.ts';
import { momentsOf } from '../../domain/day.ts';
import { readPage } from '../../domain/page.ts';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { emptyState } from '../components/blocks.ts';
import { field, select } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { table } from '../components/table.ts';
import { time } from '../components/time.ts';
import { calendarDay } from '../customer/call-range.ts';
import { queryNumber, queryText } from '../input.ts';
import { sendPage } from '../layout.ts';
import { type View, zoneOf } from '../view.ts';
import { accountLink } from './accounts.ts';
import { auditSentence } from './audit-sentence.ts';
import { pageLinks } from './page-links.ts';

const PATH = '/admin/audit';
const PAGE = 50;

/** The changes, and who made them: by person, account, action and day. */
export function auditPage(app: FastifyInstance, { db }: Service): void {
  app.get(PATH, async (request, reply) => {
    const { view } = request;
    const m = view.m.operator;
    const timeZone = zoneOf(view);
    const [account, before] = [queryNumber(request, 'account'), queryNumber(request, 'before')];
    const person = queryText(request, 'person').trim().slice(0, 100);
    const day = calendarDay(queryText(request, 'day'));
    const known = Object.keys(m.auditSentences);
    const action = known.find((name) => name === queryText(request, 'action'));
    const range = day ? await momentsOf(db, { from: day, to: day, timeZone }) : {};
    const filter = { account, person: person || undefined, actions: action && [action], ...range };
    const { rows: entries, next } = await readPage(
      PAGE,
      (limit) =>
        searchAudit(db, { ...filter, actions: filter.actions || undefined }, { before, limit }),
      ({ id }) => id,
    );
    const query = {
      person,
      account: String(account ?? ''),
      action: action ?? '',
      day: day ?? '',
    };
    const choices = known.map((value) => ({ value, label: m.audit.actions[value] ?? value }));
    const content = html`<form method="get" action="${PATH}" class="inline-form" role="search">
${field({ name: 'person', label: m.audit.person, value: person, hint: m.audit.personHint, autocomplete: 'off' })}
${field({ name: 'account', label: m.audit.account, value: query.account, inputMode: 'numeric', autocomplete: 'off' })}
${select({
  name: 'action',
  label: m.audit.action,
  value: query.action,
  choices: [
    { value: '', label: m.audit.any },
    ...choices.toSorted((a, b) => a.label.localeCompare(b.label)),
  ],
})}
${field({ name: 'day', label: m.audit.day, type: 'date', value: query.day })}
<button class="quiet">${m.audit.show}</button>
</form>
<section class="panel">
${entries.length > 0 ? auditTable(view, entries) : emptyState(m.audit.none, m.audit.noneText)}
${pageLinks(view, { path: PATH, query, by: 'before', at: before, next })}
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
        cell: ({ at }) => time(view, at, zoneOf(view), { seconds: true, zone: true }),
      },
      { label: m.what, cell: (entry) => auditSentence(view, entry), onPhone: true },
      { label: m.account, cell: ({ account }) => (account ? accountLink(account) : '–') },
      { label: m.from, cell: ({ origin }) => freeText(origin) },
    ],
  });
}
