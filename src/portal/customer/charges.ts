import type { FastifyInstance, FastifyRequest } from 'fastify';
import { describeAccount } from '../../domain/account/account-directory.ts';
import { recurringItems } from '../../domain/billing/recurring-charge.ts';
import { type LedgerEntry, listEntries } from '../../domain/books/ledger.ts';
import { dayOf } from '../../domain/day.ts';
import { sumOf } from '../../domain/money.ts';
import { type Page, readPage } from '../../domain/page.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { emptyState, notice, paging, panel } from '../components/blocks.ts';
import { entryKind } from '../components/entry-kind.ts';
import { freeText } from '../components/free-text.ts';
import { money } from '../components/money.ts';
import { type Column, table } from '../components/table.ts';
import { day, time, zoneAt } from '../components/time.ts';
import { queryNumber, queryText } from '../input.ts';
import { sendPage } from '../layout.ts';
import type { View } from '../view.ts';
import { statementPage } from './statement.ts';
import { ownSubject, type Subject } from './subject.ts';

const PAGE = 25;
const MOST_STATEMENTS = 24;

/** Recurring charges, the ledger and the statements of an account. */
export function chargesPages(app: FastifyInstance, service: Service): void {
  app.get('/charges', async (request, reply) => {
    const { view } = request;
    const content = await charges(view, service, ownSubject(request), request);
    return sendPage(reply, view, { title: view.m.navigation.charges, content });
  });
  app.get('/charges/statement', async (request, reply) => {
    const { view } = request;
    const month = queryText(request, 'month');
    return sendPage(reply, view, await statementPage(view, service, ownSubject(request), month));
  });
}

/** The charges page of an account. @param request its query selects the ledger's page */
export async function charges(
  view: View,
  { db }: Service,
  subject: Subject,
  request: FastifyRequest,
): Promise<Html> {
  const pays = subject.username === subject.billingAccount;
  const before = queryNumber(request, 'before');
  const [account, items, entries] = await Promise.all([
    describeAccount(db, subject.username),
    recurringItems(db, subject),
    pays
      ? readPage(
          PAGE,
          (limit) => listEntries(db, subject.username, { before, limit }),
          ({ id }) => id,
        )
      : undefined,
  ]);
  const m = view.m.charges;
  const withAccount = items.some(({ account }) => account !== subject.username);
  return html`${panel(
    m.recurring,
    items.length > 0
      ? recurringTable(view, items, subject, withAccount)
      : emptyState(m.noRecurring, m.noRecurringText),
    items.length > 0
      ? html`<strong>${m.monthlyTotal} ${money(view, sumOf(items.map((item) => item.monthly)))}</strong>`
      : undefined,
  )}
${
  entries
    ? html`${ledgerPanel(view, subject, entries, before)}
${statementsPanel(view, subject, account.createdAt)}`
    : notice('info', m.paidByOther(subject.billingAccount))
}`;
}

function recurringTable(
  view: View,
  items: Awaited<ReturnType<typeof recurringItems>>,
  { timeZone }: Subject,
  withAccount: boolean,
): Html {
  type Item = (typeof items)[number];
  const m = view.m.charges;
  const columns: (Column<Item> | false)[] = [
    {
      label: m.item,
      cell: ({ kind, name }) => (kind === 'number' ? m.phoneNumber(name) : freeText(name)),
    },
    withAccount && { label: m.account, cell: ({ account }) => String(account) },
    { label: m.since, cell: ({ addedAt }) => day(view, addedAt, timeZone) },
    { label: m.monthly, numeric: true, cell: ({ monthly }) => money(view, monthly) },
  ];
  return table(view, {
    caption: m.recurring,
    columns: columns.filter((column) => column !== false),
    rows: items,
  });
}

function ledgerPanel(
  view: View,
  { timeZone, base }: Subject,
  { rows, next }: Page<LedgerEntry, number>,
  before: number | undefined,
): Html {
  const m = view.m.charges;
  const path = `${base}/charges`;
  const content =
    rows.length > 0
      ? html`${table<LedgerEntry>(view, {
          caption: m.ledger,
          columns: [
            {
              label: m.time(zoneAt(view, view.now, timeZone)),
              cell: ({ createdAt }) => time(view, createdAt, timeZone),
            },
            { label: m.kind, cell: (entry) => entryKind(view.m, entry) },
            { label: m.reason, cell: ({ reason }) => freeText(reason) },
            {
              label: m.amount,
              numeric: true,
              cell: ({ amount }) => money(view, amount, { signed: true }),
            },
          ],
          rows,
        })}${paging({
          label: m.ledgerPages,
          first: before === undefined ? undefined : { href: path, text: m.newest },
          next: next === null ? undefined : { href: `${path}?before=${next}`, text: m.older },
        })}`
      : emptyState(m.noEntries, m.noEntriesText);
  return panel(m.ledger, content, html`<span class="quiet-text">${m.ledgerHint}</span>`);
}

/** A link for each month since the account was made, the newest first. */
function statementsPanel(view: View, { timeZone, base }: Subject, createdAt: Date): Html {
  const m = view.m.charges;
  const first = dayOf(createdAt, timeZone).slice(0, 7);
  const months = monthsBack(dayOf(view.now, timeZone).slice(0, 7), first);
  return panel(
    m.statements,
    html`<ul class="chips">
${months.map((month) => html`<li><a class="button quiet small" href="${base}/charges/statement?month=${month}">${view.m.month(month)}</a></li>\n`)}</ul>`,
  );
}

function monthsBack(newest: string, oldest: string): string[] {
  const months: string[] = [];
  let [year = 0, month = 0] = newest.split('-').map(Number);
  while (months.length < MOST_STATEMENTS) {
    const name = `${year}-${String(month).padStart(2, '0')}`;
    if (name < oldest) break;
    months.push(name);
    month = month === 1 ? 12 : month - 1;
    if (month === 12) year--;
  }
  return months;
}
