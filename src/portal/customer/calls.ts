import type { FastifyInstance, FastifyRequest } from 'fastify';
import { paidAccounts } from '../../domain/account/account-directory.ts';
import { listCalls } from '../../domain/calls/call-list.ts';
import { busiestDestinations, usageBy } from '../../domain/calls/usage.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { emptyState, notice, paging, panel, stats } from '../components/blocks.ts';
import { field, select } from '../components/field.ts';
import { money, rounded, tick } from '../components/money.ts';
import { bars } from '../components/plot.ts';
import { table } from '../components/table.ts';
import { duration, shortDay, shortHour, shortMonth } from '../components/time.ts';
import { sendPage } from '../layout.ts';
import type { View } from '../view.ts';
import { callDownloads } from './call-download.ts';
import { type CallQuery, callAddress, callQuery, MOST_DAYS } from './call-range.ts';
import { callsTable } from './calls-table.ts';
import { ownSubject, type Subject } from './subject.ts';
import { totalOf } from './total.ts';

const PAGE = 25;
const BUSIEST = 8;
const STEP_NAMES = { hour: shortHour, day: shortDay, month: shortMonth };

/** The calls of an account: plots, busiest destinations, the list and its downloads. */
export function callsPages(app: FastifyInstance, service: Service): void {
  app.get('/calls', async (request, reply) => {
    const { view } = request;
    const content = await calls(view, service, ownSubject(request), request);
    return sendPage(reply, view, { title: view.m.navigation.calls, content });
  });
  callDownloads(app, service, ownSubject);
}

/** The calls page of an account. @param request its query selects the calls */
export async function calls(
  view: View,
  service: Service,
  subject: Subject,
  request: FastifyRequest,
): Promise<Html> {
  const query = callQuery(request, subject, view.now);
  const { db, reader } = service;
  const pays = subject.username === subject.billingAccount;
  const isFirst = query.after === '';
  const [page, accounts, summary] = await Promise.all([
    listCalls(reader, query, { after: query.after, limit: PAGE }),
    pays ? paidAccounts(db, subject.billingAccount) : [],
    isFirst && query.search === '' ? usagePanels(view, service, query) : undefined,
  ]);
  const withAccount = accounts.length > 1 && query.scope.account === undefined;
  const { timeZone } = subject;
  const m = view.m.calls;
  const path = `${subject.base}/calls`;
  const list =
    page.calls.length > 0
      ? callsTable(view, page.calls, { timeZone, withAccount })
      : emptyState(m.noneTitle, query.search ? m.noneFound : m.noneInRange);
  const links = paging({
    label: m.pages,
    first: isFirst ? undefined : { href: callAddress(path, query), text: m.newest },
    next: page.next
      ? {
          href: callAddress(path, query, { after: page.next }),
          text: page.searched ? m.searchOn : m.older,
        }
      : undefined,
  });
  return html`${filterForm(view, path, query, accounts)}
${summary}
${panel(
  m.listTitle,
  html`${list}${page.searched !== undefined && notice('info', m.searched(page.searched))}${links}`,
  html`<span class="buttons"><a class="button quiet small" href="${callAddress(`${path}/calls.csv`, query)}" download>${m.csv}</a> <a class="button quiet small" href="${callAddress(`${path}/calls.ndjson`, query)}" download>${m.ndjson}</a></span>`,
)}`;
}

function filterForm(
  view: View,
  path: string,
  query: CallQuery,
  accounts: { username: number; name: string }[],
): Html {
  const m = view.m.calls;
  const { range, search, scope, unit } = query;
  const choices = [
    { value: '', label: m.allAccounts },
    ...accounts.map(({ username, name }) => ({
      value: String(username),
      label: `${username} ${name}`,
    })),
  ];
  const chosen = scope.account === undefined ? '' : String(scope.account);
  return html`<form method="get" action="${path}" class="panel inline-form" role="search">
${field({ name: 'from', label: m.fromDay, type: 'date', value: range.from })}
${field({ name: 'to', label: m.toDay, type: 'date', value: range.to })}
${field({ name: 'search', label: m.search, type: 'search', value: search, placeholder: m.searchHint })}
${accounts.length > 1 && select({ name: 'account', label: m.account, value: chosen, choices })}
${select({
  name: 'by',
  label: m.plotBy,
  value: unit,
  choices: [
    { value: 'hour', label: view.m.plots.hour },
    { value: 'day', label: view.m.plots.day },
    { value: 'month', label: view.m.plots.month },
  ],
})}
<button>${m.show}</button>
<p class="hint whole">${m.zone(range.timeZone)} ${m.steps(MOST_DAYS)}</p>
</form>`;
}

/** Sums, plots and destinations of the range. */
async function usagePanels(view: View, { reader }: Service, query: CallQuery): Promise<Html> {
  const m = view.m.calls;
  const { scope, range, unit, days } = query;
  if (days > MOST_DAYS[unit]) return notice('info', m.rangeTooLong);
  const [steps, busiest] = await Promise.all([
    usageBy(reader, unit, scope, range),
    busiestDestinations(reader, scope, range, BUSIEST),
  ]);
  const total = totalOf(steps);
  if (total.calls === 0) return html``;
  const label = (start: Date) => STEP_NAMES[unit](view, start, range.timeZone);
  const common = { tick: tick(view) };
  const stepName = view.m.plots[unit];
  return html`${stats([
    { label: m.calls, value: view.m.count(total.calls), note: m.answered(total.answered) },
    { label: m.talked, value: duration(total.billedSeconds), note: m.hoursMinutes },
    { label: m.spent, value: money(view, total.amount) },
  ])}
<div class="columns">
${panel(
  m.callsPlot[unit],
  bars(view, {
    ...common,
    caption: m.callsPlot[unit],
    columns: { label: stepName, value: m.calls },
    tick: view.m.plots.axisCount,
    whole: true,
    points: steps.map(({ start, calls }) => ({
      label: label(start),
      value: calls,
      text: view.m.count(calls),
    })),
  }),
)}
${panel(
  m.spendPlot[unit],
  bars(view, {
    ...common,
    caption: m.spendPlot[unit],
    columns: { label: stepName, value: m.spent },
    points: steps.map(({ start, amount }) => ({
      label: label(start),
      value: Number(amount),
      text: rounded(view, amount),
    })),
  }),
)}
</div>
${panel(
  m.busiest,
  table(view, {
    caption: m.busiest,
    columns: [
      { label: m.to, cell: ({ called }) => html`<span class="number">${called}</span>` },
      { label: m.calls, numeric: true, cell: ({ calls }) => view.m.count(calls) },
      { label: m.duration, numeric: true, cell: ({ billedSeconds }) => duration(billedSeconds) },
      { label: m.cost, numeric: true, cell: ({ amount }) => money(view, amount) },
    ],
    rows: busiest.destinations,
  }),
  busiest.calls < total.calls
    ? html`<span class="quiet-text">${m.ofNewest(busiest.calls)}</span>`
    : undefined,
)}`;
}
