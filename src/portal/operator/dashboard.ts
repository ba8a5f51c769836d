import type { FastifyInstance } from 'fastify';
import { accountTotals, type Totals } from '../../domain/account/account-counts.ts';
import { countMails } from '../../domain/account/mail-queue.ts';
import { callsByDay, sameHours } from '../../domain/calls/call-hour.ts';
import { type ListedFeed, listFeeds } from '../../domain/calls/feed.ts';
import { openRejected } from '../../domain/calls/rejected-search.ts';
import type { Usage, UsageStep } from '../../domain/calls/usage.ts';
import { addDays, dayOf } from '../../domain/day.ts';
import { type Decimal, fromMicros, toMicros } from '../../domain/money.ts';
import { countWebhooks, type WebhookCounts } from '../../domain/webhook/delivery.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { type Attention, attention, headline } from '../components/attention.ts';
import { badge, emptyState, panel, stats } from '../components/blocks.ts';
import { isolated } from '../components/free-text.ts';
import { exact, shortMoney, tick } from '../components/money.ts';
import { bars, type PlotPoint } from '../components/plot.ts';
import { table } from '../components/table.ts';
import { shortDay, shortTime, span } from '../components/time.ts';
import { totalOf } from '../customer/total.ts';
import { sendPage } from '../layout.ts';
import { may, type View, zoneOf } from '../view.ts';

const DAYS = 30;
const SILENT_SECONDS = 3_600;

/** The state of the whole service. */
export function dashboardPage(app: FastifyInstance, { db, reader, queue }: Service): void {
  app.get('/admin', async (request, reply) => {
    const { view } = request;
    const m = view.m.operator.dashboard;
    const timeZone = zoneOf(view);
    const today = dayOf(view.now, timeZone);
    const days = await callsByDay(reader, { from: addDays(today, 1 - DAYS), to: today, timeZone });
    const [totals, rejected, mail, feeds, webhooks, hours] = await Promise.all([
      accountTotals(db, days.at(-1)?.start ?? view.now),
      openRejected(db),
      countMails(queue),
      listFeeds(db),
      countWebhooks(db),
      sameHours(reader, view.now, timeZone),
    ]);
    const total = totalOf(days);
    const until = shortTime(view, hours.until, timeZone);
    const work = needed(view, { totals, rejected, mail, feeds, webhooks, total });
    const content = html`${
      work.length > 0
        ? attention(m.attention, work)
        : headline(
            'good',
            m.inOrder,
            m.inOrderText(feeds.filter(({ lastSeenAt }) => lastSeenAt).length),
          )
    }
${stats([
  {
    label: m.revenueUntil(until),
    value: shortMoney(view, hours.today.amount),
    note: m.weekAgo(shortMoney(view, hours.weekAgo.amount)),
  },
  {
    label: m.callsUntil(until),
    value: html`<a href="${`/admin/calls?from=${today}&to=${today}`}">${view.m.count(hours.today.calls)}</a>`,
    note: m.weekAgo(view.m.count(hours.weekAgo.calls)),
  },
  {
    label: m.revenueOf(DAYS),
    value: shortMoney(view, total.amount),
    note: m.callsOf(total.calls),
  },
  {
    label: m.credit,
    value: html`<a href="/admin/accounts?order=balance">${shortMoney(view, totals.credit)}</a>`,
    note: m.debt(shortMoney(view, totals.debt)),
  },
  {
    label: m.accounts,
    value: html`<a href="/admin/accounts?state=open">${view.m.count(totals.accounts)}</a>`,
    note: html`<a href="/admin/accounts?order=newest">${m.signedUpToday(totals.signedUpToday)}</a>, <a href="/admin/accounts?state=unverified">${m.unverified(totals.unverified)}</a>`,
  },
])}
<div class="columns">
${panel(m.revenue, plotOf(view, days, 'revenue'))}
${panel(m.calls, plotOf(view, days, 'calls'))}
</div>
${panel(m.feeds, feedList(view, feeds), html`<a href="/admin/feeds">${m.allFeeds}</a>`)}`;
    return sendPage(reply, view, { title: m.title, content });
  });
}

interface State {
  totals: Totals;
  rejected: { count: number; oldest: Date | null };
  mail: { waiting: number; parked: number };
  feeds: ListedFeed[];
  webhooks: WebhookCounts;
  /** of the last 30 days */
  total: Usage;
}

/** What needs attention, the most urgent first. */
function needed(
  view: View,
  { totals, rejected, mail, feeds, webhooks, total }: State,
): Attention[] {
  const m = view.m.operator.dashboard;
  const since = (moment: Date | null) => span(secondsSince(view, moment), view.m);
  const silent = feeds.filter(
    (feed) => feed.lastSeenAt && secondsSince(view, feed.lastSeenAt) > SILENT_SECONDS,
  );
  const works: (Attention | false)[] = [
    rejected.count > 0 && {
      kind: 'bad',
      figure: shortMoney(view, atAverage(rejected.count, total)),
      title: m.rejected(view.m.count(rejected.count)),
      text: m.rejectedNote(since(rejected.oldest)),
      href: '/admin/rejected',
    },
    silent.length > 0 && {
      kind: 'bad',
      figure: view.m.count(silent.length),
      title: m.silent(silent.length),
      text: m.silentNote(
        silent.map(({ name, lastSeenAt }) => `${isolated(name)} (${since(lastSeenAt)})`).join(', '),
      ),
      href: '/admin/feeds',
    },
    webhooks.failing + webhooks.disabled > 0 && {
      kind: 'bad',
      figure: view.m.count(webhooks.failing + webhooks.disabled),
      title: view.m.webhooks.attention(webhooks.failing + webhooks.disabled),
      text: view.m.webhooks.attentionText,
      href: may(view, 'operation') ? '/admin/webhooks' : undefined,
    },
    mail.parked > 0 && {
      kind: 'bad',
      figure: view.m.count(mail.parked),
      title: m.mailFailed(mail.parked),
      text: m.mailFailedNote,
      href: '/admin/mail',
    },
    totals.suspended > 0 && {
      kind: 'warn',
      figure: view.m.count(totals.suspended),
      title: m.suspended(totals.suspended),
      text: m.suspendedNote,
      href: '/admin/accounts?state=suspended',
    },
  ];
  return works.filter((work) => work !== false);
}

/** What so many calls cost at the average of others. */
function atAverage(count: number, { calls, amount }: Usage): Decimal {
  return calls === 0 ? '0' : fromMicros((toMicros(amount) * BigInt(count)) / BigInt(calls));
}

function secondsSince(view: View, moment: Date | null): number {
  return moment ? Math.max(0, (view.now.getTime() - moment.getTime()) / 1_000) : 0;
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
  const seconds = secondsSince(view, lastSeenAt);
  return html`<time datetime="${lastSeenAt.toISOString()}" title="${lastSeenAt.toISOString()}">${view.m.ago(span(seconds, view.m))}</time>`;
}
