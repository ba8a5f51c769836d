import type { FastifyInstance } from 'fastify';
import { type AccountDetails, describeAccount } from '../../domain/account/account-directory.ts';
import { recurringItems } from '../../domain/billing/recurring-charge.ts';
import { balanceByDay } from '../../domain/billing/statement.ts';
import { listCalls } from '../../domain/calls/call-list.ts';
import { usageBy } from '../../domain/calls/usage.ts';
import { addDays, type DayRange, dayOf } from '../../domain/day.ts';
import { sumOf, toMicros } from '../../domain/money.ts';
import { registeredPhones } from '../../domain/sip/registration.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { headline } from '../components/attention.ts';
import { emptyState, facts, notice, panel, stats } from '../components/blocks.ts';
import { freeText } from '../components/free-text.ts';
import { rate, rounded, shortMoney, tick } from '../components/money.ts';
import { line } from '../components/plot.ts';
import { shortDay, span } from '../components/time.ts';
import { sendPage } from '../layout.ts';
import { form, type View } from '../view.ts';
import { callsTable } from './calls-table.ts';
import { daysLeft, spendOf } from './pace.ts';
import { SUB_ACCOUNTS } from './sub-accounts.ts';
import { ownSubject, type Subject, scopeOf } from './subject.ts';

const PLOT_DAYS = 30;
const LATEST_CALLS = 5;
const SHORT_DAYS = 3;

/** The account at a glance. */
export function overviewPage(app: FastifyInstance, service: Service): void {
  app.get('/overview', async (request, reply) => {
    const { view } = request;
    const content = await overview(view, service, ownSubject(request));
    return sendPage(reply, view, { title: view.m.navigation.overview, content });
  });
}

/** What the overview of an account shows. */
export async function overview(view: View, service: Service, subject: Subject): Promise<Html> {
  const { db, config } = service;
  const { username, billingAccount, timeZone } = subject;
  const today = dayOf(view.now, timeZone);
  const since = addDays(`${today.slice(0, 7)}-01`, -1).slice(0, 7);
  const months = { from: `${since}-01`, to: today, timeZone };
  const recent = { from: addDays(today, 1 - PLOT_DAYS), to: today, timeZone };
  const latest = { scope: scopeOf(subject), range: recent, search: '' };
  const [account, usage, items, phones, calls] = await Promise.all([
    describeAccount(db, username),
    usageBy(db, 'day', scopeOf(subject), months),
    recurringItems(db, subject),
    registeredPhones(db, username, view.now, config.registrationUri),
    listCalls(db, latest, { limit: LATEST_CALLS }),
  ]);
  const monthly = sumOf(items.map((item) => item.monthly));
  const spent = spendOf(usage, today, timeZone);
  const days = daysLeft(account, { ...spent, monthly }, view.now);
  const m = view.m.overview;
  return html`${stateOf(view, account, days, subject)}
${stats([
  { label: m.balance, value: balance(view, account), note: balanceNote(view, account) },
  {
    label: m.spentThisMonth,
    value: shortMoney(view, spent.thisMonth),
    note: m.lastMonth(shortMoney(view, spent.sameDays), shortMoney(view, spent.lastMonth)),
  },
  { label: m.monthly, value: shortMoney(view, monthly), note: m.items(items.length) },
  { label: m.rate, value: rate(view, account.rate), note: m.perMinute },
])}
${billingAccount === username && (await balancePanel(view, service, subject, recent))}
${panel(
  m.latestCalls,
  calls.calls.length > 0
    ? callsTable(view, calls.calls, { timeZone, withAccount: account.subAccounts > 0 })
    : emptyState(m.noCalls, m.noCallsText),
  html`<a href="${subject.base}/calls">${m.allCalls}</a>`,
)}
<div class="columns">
${phonePanel(view, subject, phones)}
${accountPanel(view, subject, account)}
</div>`;
}

/** Whether the account can call, for how long, and what its owner should do. */
function stateOf(
  view: View,
  account: AccountDetails,
  days: number | undefined,
  { base }: Subject,
): Html {
  const m = view.m.overview;
  const verify = base === '' && account.verifiedAt === null;
  return html`${callState(view, account, days)}${
    verify &&
    notice(
      'warn',
      html`${m.notVerified(account.email)} ${form(view, '/settings/verification', html`<button class="quiet small">${m.sendLink}</button>`, 'inline')}`,
    )
  }`;
}

/** An account that another one pays for sees an amount only if that one allows it. */
function balance(view: View, { username, masterAccount, showsBalance, cash }: AccountDetails) {
  return username === masterAccount || showsBalance ? shortMoney(view, cash) : '–';
}

function callState(view: View, account: AccountDetails, days: number | undefined): Html {
  const m = view.m.overview.states;
  if (account.closedAt) return headline('info', m.closed.title, m.closed.text);
  if (!account.enabled) return headline('warn', m.disabled.title, m.disabled.text);
  if (account.suspended) {
    return headline('bad', m.suspended.title, m.suspended.text, howToPay(view, account));
  }
  if (account.limitReached) {
    return headline('bad', m.limitReached.title, m.limitReached.text);
  }
  if (account.billing === 'prepaid' && toMicros(account.cash) <= 0n) {
    return headline('warn', m.unpaid.title, m.unpaid.text, howToPay(view, account));
  }
  if (days === undefined) return headline('good', m.active.title, m.active.text);
  const isShort = days <= SHORT_DAYS;
  return headline(isShort ? 'warn' : 'good', m.active.title, m.active.lasts(days));
}

/** A link to where the account is paid, or a text; nothing for an account that another one pays. */
function howToPay({ brand: { howToPay: way }, m }: View, account: AccountDetails): Html | false {
  const { username, masterAccount } = account;
  if (way === undefined || masterAccount !== username) return false;
  const text = way.replaceAll('{username}', String(username));
  if (!/^https?:\/\//.test(text)) return html`<p>${text}</p>`;
  return html`<a class="button" href="${text}">${m.overview.pay}</a>`;
}

function balanceNote(view: View, account: AccountDetails): string {
  const m = view.m.overview;
  if (account.masterAccount !== account.username) return m.paidBy(account.masterAccount);
  if (account.billing === 'prepaid') return m.prepaid;
  const { creditLimit } = account;
  return creditLimit === null ? m.postpaid : m.postpaidUpTo(rounded(view, creditLimit));
}

async function balancePanel(
  view: View,
  { db }: Service,
  { billingAccount, timeZone }: Subject,
  range: DayRange,
): Promise<Html> {
  const m = view.m.overview;
  const days = await balanceByDay(db, billingAccount, range);
  if (days.every(({ cash }) => toMicros(cash) === 0n)) return html``;
  const points = days.map(({ day, cash }) => ({
    label: shortDay(view, day),
    value: Number(cash),
    text: rounded(view, cash),
  }));
  const plot = line(view, {
    caption: m.balanceCourse(PLOT_DAYS, timeZone),
    columns: { label: view.m.plots.day, value: m.balance },
    points,
    tick: tick(view),
  });
  return panel(
    m.balanceTitle,
    plot,
    html`<span class="quiet-text">${m.lastDays(PLOT_DAYS)}</span>`,
  );
}

function phonePanel(
  view: View,
  { base }: Subject,
  phones: Awaited<ReturnType<typeof registeredPhones>>,
): Html {
  const m = view.m.overview;
  const list = phones.map(({ agent, address, expiresAt }) => {
    const left = Math.max(0, Math.round((expiresAt.getTime() - view.now.getTime()) / 1_000));
    return { label: agent || m.unknownAgent, value: m.registeredAt(address, span(left, view.m)) };
  });
  const content = list.length > 0 ? facts(list) : emptyState(m.notRegistered, m.notRegisteredText);
  const setUp = base === '' ? html`<a href="/phone">${m.setUpPhone}</a>` : undefined;
  return panel(m.registration, content, setUp);
}

function accountPanel(view: View, { base }: Subject, account: AccountDetails): Html {
  const m = view.m.overview;
  const subAccounts =
    base === '' ? html`<a href="${SUB_ACCOUNTS}">${account.subAccounts}</a>` : account.subAccounts;
  const numbers = account.numbers.map(({ number }) => number).join(', ');
  return panel(
    m.account,
    facts([
      { label: m.username, value: account.username },
      { label: m.email, value: freeText(account.email) },
      { label: m.callerId, value: account.callerId || m.none },
      { label: m.numbers, value: numbers || m.none },
      {
        label: m.increments,
        value: m.secondsSteps(account.minimumSeconds, account.incrementSeconds),
      },
      ...(account.subAccounts > 0 ? [{ label: m.subAccounts, value: subAccounts }] : []),
    ]),
  );
}
