import type { FastifyInstance } from 'fastify';
import { type AccountDetails, describeAccount } from '../../domain/account/account-directory.ts';
import { recurringItems } from '../../domain/billing/recurring-charge.ts';
import { balanceByDay } from '../../domain/billing/statement.ts';
import { listCalls } from '../../domain/calls/call-list.ts';
import { usageBy } from '../../domain/calls/usage.ts';
import { addDays, type DayRange, dayOf } from '../../domain/day.ts';
import { registeredPhones } from '../../domain/sip/registration.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { badge, emptyState, facts, notice, panel, stats } from '../components/blocks.ts';
import { freeText } from '../components/free-text.ts';
import { money, rate, rounded, tick } from '../components/money.ts';
import { line } from '../components/plot.ts';
import { shortDay, span } from '../components/time.ts';
import { sendPage } from '../layout.ts';
import { form, type View } from '../view.ts';
import { callsTable } from './calls-table.ts';
import { ownSubject, type Subject, scopeOf } from './subject.ts';
import { sumOf } from './total.ts';

const PLOT_DAYS = 30;
const LATEST_CALLS = 5;

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
  const month = { from: `${today.slice(0, 7)}-01`, to: today, timeZone };
  const recent = { from: addDays(today, 1 - PLOT_DAYS), to: today, timeZone };
  const latest = { scope: scopeOf(subject), range: recent, search: '' };
  const [account, usage, items, phones, calls] = await Promise.all([
    describeAccount(db, username),
    usageBy(db, 'day', scopeOf(subject), month),
    recurringItems(db, subject),
    registeredPhones(db, username, view.now, config.registrationUri),
    listCalls(db, latest, { limit: LATEST_CALLS }),
  ]);
  const spent = sumOf(usage.map(({ amount }) => amount));
  const monthly = sumOf(items.map((item) => item.monthly));
  const m = view.m.overview;
  return html`${hints(view, account, subject)}
${stats([
  { label: m.balance, value: balance(view, account), note: balanceNote(view, account) },
  { label: m.spentThisMonth, value: money(view, spent), note: m.onCalls },
  { label: m.monthly, value: money(view, monthly), note: m.items(items.length) },
  { label: m.rate, value: rate(view, account.rate), note: m.perMinute },
  { label: m.status, value: statusOf(view, account), note: freeText(account.name) },
])}
${billingAccount === username && (await balancePanel(view, service, subject, recent))}
<div class="columns">
${phonePanel(view, subject, phones)}
${accountPanel(view, account)}
</div>
${panel(
  m.latestCalls,
  calls.calls.length > 0
    ? callsTable(view, calls.calls, { timeZone, withAccount: account.subAccounts > 0 })
    : emptyState(m.noCalls, m.noCallsText),
  html`<a href="${subject.base}/calls">${m.allCalls}</a>`,
)}`;
}

/** Recommended actions, if there are any. */
function hints(view: View, account: AccountDetails, { base }: Subject): Html {
  const m = view.m.overview;
  const verify = base === '' && account.verifiedAt === null;
  return html`${account.closedAt && notice('warn', m.closed)}${!account.enabled && notice('warn', m.disabled)}${account.suspended && notice('bad', m.suspended)}${
    verify &&
    notice(
      'warn',
      html`${m.notVerified(account.email)} ${form(view, '/settings/verification', html`<button class="quiet small">${m.sendAgain}</button>`, 'inline')}`,
    )
  }`;
}

/** An account that another one pays for sees an amount only if the payer allows it. */
function balance(view: View, { username, masterAccount, showsBalance, cash }: AccountDetails) {
  return username === masterAccount || showsBalance ? money(view, cash) : '–';
}

function balanceNote(view: View, account: AccountDetails): string {
  const m = view.m.overview;
  if (account.masterAccount !== account.username) return m.paidBy(account.masterAccount);
  if (account.billing === 'prepaid') return m.prepaid;
  const { creditLimit } = account;
  return creditLimit === null ? m.postpaid : m.postpaidUpTo(rounded(view, creditLimit));
}

function statusOf(view: View, account: AccountDetails): Html {
  const m = view.m.overview.states;
  if (account.closedAt) return badge('plain', m.closed);
  if (!account.enabled) return badge('warn', m.disabled);
  if (account.suspended) return badge('bad', m.suspended);
  return badge('good', m.active);
}

async function balancePanel(
  view: View,
  { db }: Service,
  { billingAccount, timeZone }: Subject,
  range: DayRange,
): Promise<Html> {
  const m = view.m.overview;
  const days = await balanceByDay(db, billingAccount, range);
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

function accountPanel(view: View, account: AccountDetails): Html {
  const m = view.m.overview;
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
      ...(account.subAccounts > 0 ? [{ label: m.subAccounts, value: account.subAccounts }] : []),
    ]),
  );
}
