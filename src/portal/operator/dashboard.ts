import type { FastifyInstance } from 'fastify';
import { accountTotals } from '../../domain/account/account-directory.ts';
import { countMails } from '../../domain/account/mail-queue.ts';
import { callsByDay } from '../../domain/calls/call-hour.ts';
import { type ListedFeed, listFeeds } from '../../domain/calls/feed.ts';
import { countRejected } from '../../domain/calls/rejected-record.ts';
import type { UsageStep } from '../../domain/calls/usage.ts';
import { addDays, dayOf } from '../../domain/day.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { badge, emptyState, panel, stats } from '../components/blocks.ts';
import { exact, money, rounded, tick } from '../components/money.ts';
import { bars, type PlotPoint } from '../components/plot.ts';
import { table } from '../components/table.ts';
import { shortDay, span } from '../components/time.ts';
import { sendPage } from '../layout.ts';
import { may, type View, zoneOf } from '../view.ts';

const DAYS = 30;

/** The state of the whole service. */
export function dashboardPage(app: FastifyInstance, { db, reader, queue }: Service): void {
  app.get('/admin', async (request, reply) => {
    const { view } = request;
    const m = view.m.operator.dashboard;
    const timeZone = zoneOf(view);
    const today = dayOf(view.now, timeZone);
    const days = await callsByDay(reader, { from: addDays(today, 1 - DAYS), to: today, timeZone });
    const latest = days.at(-1);
    const [totals, rejected, mail, feeds] = await Promise.all([
      accountTotals(db, latest?.start ?? view.now),
      countRejected(db),
      countMails(queue),
      listFeeds(db),
    ]);
    const count = (value: number) => value.toLocaleString(view.m.language);
    const content = html`${stats([
      {
        label: m.today,
        value: money(view, latest?.amount ?? '0'),
        note: m.todayCalls(latest?.calls ?? 0),
      },
      {
        label: m.accounts,
        value: count(totals.accounts),
        note: `${m.signedUpToday(totals.signedUpToday)}, ${m.unverified(totals.unverified)}`,
      },
      { label: m.suspended, value: count(totals.suspended), note: m.suspendedNote },
      {
        label: m.credit,
        value: money(view, totals.credit),
        note: m.debt(rounded(view, totals.debt)),
      },
      {
        label: m.rejected,
        value: count(rejected),
        note: rejected > 0 ? html`<a href="/admin/rejected">${m.rejectedNote}</a>` : undefined,
      },
      { label: m.mail, value: count(mail.waiting), note: m.mailFailed(mail.parked) },
    ])}
<div class="columns">
${panel(m.revenue, plotOf(view, days, 'revenue'))}
${panel(m.calls, plotOf(view, days, 'calls'))}
</div>
${panel(m.feeds, feedList(view, feeds), html`<a href="/admin/feeds">${m.allFeeds}</a>`)}`;
    return sendPage(reply, view, { title: m.title, content });
  });
}

function plotOf(view: View, days: UsageStep[], what: 'calls' | 'revenue'): Html {
  const { plots } = view.m;
  const m = view.m.operator.dashboard;
  if (days.every(({ calls }) => calls === 0)) return emptyState(m.noCalls, m.counted);
  const point = ({ start, calls, amount }: UsageStep): PlotPoint => ({
    label: shortDay(view, start, zoneOf(view)),
    value: what === 'calls' ? calls : Number(amount),
    text: what === 'calls' ? plots.count(calls) : exact(view, amount),
  });
  return bars(view, {
    caption: what === 'calls' ? m.calls : m.revenue,
    columns: { label: plots.day, value: what === 'calls' ? m.callsColumn : m.revenueColumn },
    points: days.map(point),
    tick: what === 'calls' ? plots.axisCount : tick(view),
    whole: what === 'calls',
  });
}

function feedList(view: View, feeds: ListedFeed[]): Html {
  const { dashboard: m, feeds: columns } = view.m.operator;
  if (feeds.length === 0) {
    const add = html`<a class="button" href="/admin/feeds">${m.addFeed}</a>`;
    return emptyState(m.noFeeds, m.noFeedsText, may(view, 'operation') ? add : undefined);
  }
  return table<ListedFeed>(view, {
    caption: m.feeds,
    rows: feeds,
    columns: [
      { label: columns.name, cell: ({ name }) => name },
      { label: columns.format, cell: ({ format }) => format },
      { label: columns.seen, cell: (feed) => lastSeen(view, feed) },
    ],
  });
}

/** How long ago a feed last sent something. */
export function lastSeen(view: View, { lastSeenAt }: ListedFeed): Html {
  if (!lastSeenAt) return badge('warn', view.m.operator.feeds.never);
  const seconds = Math.max(0, (view.now.getTime() - lastSeenAt.getTime()) / 1_000);
  return html`<time datetime="${lastSeenAt.toISOString()}" title="${lastSeenAt.toISOString()}">${view.m.ago(span(seconds, view.m))}</time>`;
}
