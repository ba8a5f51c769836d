import type { FastifyInstance, FastifyReply } from 'fastify';
import { paidAccounts } from '../../domain/account/account-directory.ts';
import { findCalls, type ListedCall, listCalls } from '../../domain/calls/call-list.ts';
import { busiestDestinations, usageBy } from '../../domain/calls/usage.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { emptyState, notice, panel, stats } from '../components/blocks.ts';
import { field, select } from '../components/field.ts';
import { growingTable } from '../components/growing-table.ts';
import { money, rounded, tick } from '../components/money.ts';
import { bars } from '../components/plot.ts';
import { table } from '../components/table.ts';
import { duration, shortDay, shortHour, shortMonth } from '../components/time.ts';
import { LATER, type Page, sendGrowingPage, sendPage } from '../layout.ts';
import type { View } from '../view.ts';
import { callDownloads, fileLinks } from './call-download.ts';
import {
  type CallQuery,
  callAddress,
  callQuery,
  MOST_DAYS,
  type RangePreset,
  rangePresets,
} from './call-range.ts';
import { callColumns, callPages, outcomeField } from './calls-table.ts';
import { ownSubject, type Subject } from './subject.ts';
import { totalOf } from './total.ts';

const PAGE = 25;
const BUSIEST = 8;
const STEP_NAMES = { hour: shortHour, day: shortDay, month: shortMonth };

/** The calls of an account: plots, busiest destinations, the list and its downloads. */
export function callsPages(app: FastifyInstance, service: Service): void {
  app.get('/calls', async (request, reply) => {
    const { view } = request;
    const title = view.m.navigation.calls;
    return sendCalls(reply, service, ownSubject(request), { title });
  });
  callDownloads(app, service, ownSubject);
}

/**
 * Answers with the calls of an account. A search is sent as it goes on.
 * @param page its title, and what else stands around the calls
 */
export async function sendCalls(
  reply: FastifyReply,
  service: Service,
  subject: Subject,
  page: Omit<Page, 'content'>,
): Promise<FastifyReply> {
  const { request } = reply;
  const { view } = request;
  const query = callQuery(request, subject, view.now);
  const { db, reader } = service;
  const pays = subject.username === subject.billingAccount;
  const isFirst = query.after === '';
  const isSearch = query.search !== '' || query.outcome !== undefined;
  const place = { after: query.after, limit: PAGE };
  const [newest, accounts, summary] = await Promise.all([
    isSearch ? undefined : listCalls(reader, query, place),
    pays ? paidAccounts(db, subject.billingAccount) : [],
    isFirst && !isSearch ? usagePanels(view, service, query) : undefined,
  ]);
  const withAccount = accounts.length > 1 && query.scope.account === undefined;
  const { timeZone } = subject;
  const m = view.m.calls;
  const path = `${subject.base}/calls`;
  const links = callPages(view, isFirst, (place) => callAddress(path, query, place));
  const columns = callColumns(view, { timeZone, withAccount });
  const content = html`${filterForm(view, path, query, accounts)}
${summary}
${panel(
  m.listTitle,
  newest ? html`${callList(view, columns, newest.calls)}${links(newest.next)}` : LATER,
  fileLinks(view, (file) => callAddress(`${path}/${file}`, query)),
)}`;
  if (newest) return sendPage(reply, view, { ...page, content });
  const steps = findCalls(reader, query, place);
  const growing = growingTable(view, { ...columns, steps, timeZone, links });
  return sendGrowingPage(reply, view, { ...page, content }, growing);
}

function callList(view: View, columns: ReturnType<typeof callColumns>, calls: ListedCall[]): Html {
  const m = view.m.calls;
  return calls.length > 0
    ? table(view, { ...columns, rows: calls })
    : emptyState(m.noneTitle, m.noneInRange);
}

function filterForm(
  view: View,
  path: string,
  query: CallQuery,
  accounts: { username: number; name: string }[],
): Html {
  const m = view.m.calls;
  const { range, search, outcome, scope, unit } = query;
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
${outcomeField(view, outcome)}
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
<p class="presets whole">${presetLinks(view, path, query)}</p>
<p class="hint whole">${m.zone(range.timeZone)} ${m.steps(MOST_DAYS)}</p>
</form>`;
}

function presetLinks(view: View, path: string, query: CallQuery): Html[] {
  const { range } = query;
  const presets = rangePresets(range.timeZone, view.now);
  return (Object.keys(presets) as RangePreset[]).map((name) => {
    const preset = presets[name];
    const isChosen = preset.from === range.from && preset.to === range.to;
    const href = callAddress(path, { ...query, range: preset });
    return html`<a href="${href}"${isChosen && html` aria-current="true"`}>${view.m.calls.presets[name]}</a> `;
  });
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
