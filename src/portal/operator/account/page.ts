import type { FastifyRequest } from 'fastify';
import {
  type AccountDetails,
  type AccountSummary,
  describeAccount,
  listSubAccounts,
} from '../../../domain/account/account-directory.ts';
import { listEntries } from '../../../domain/books/ledger.ts';
import { readPage } from '../../../domain/page.ts';
import { Refusal } from '../../../domain/refusal.ts';
import { currentRegistration } from '../../../domain/sip/registration.ts';
import { type Html, html } from '../../../html.ts';
import type { Service } from '../../../service.ts';
import { badge, facts, notice, panel, stats } from '../../components/blocks.ts';
import { rate, shortMoney } from '../../components/money.ts';
import { day } from '../../components/time.ts';
import { takeDraft } from '../../draft.ts';
import { statusOf } from '../../entered.ts';
import { queryNumber } from '../../input.ts';
import type { Page } from '../../layout.ts';
import { takeShownOnce } from '../../shown-once.ts';
import { may, type View, zoneOf } from '../../view.ts';
import { accountLink, accountTable } from '../accounts.ts';
import { pageLinks } from '../page-links.ts';
import { credentialsPanel, type NewCredentials, newCredentialsPanel } from './credentials-panel.ts';
import { itemsPanel } from './items-panels.ts';
import { ledgerTable, moneyPanel, type Posted } from './money-panels.ts';
import { type Filled, usernameOf } from './request.ts';
import { settingsPanel } from './settings-panel.ts';
import { type AccountTab, accountHead, hasTab } from './tabs.ts';

const SUB_ACCOUNTS = 20;
const ENTRIES = 50;

/**
 * A page of an account as operators see it.
 * @param refused a form of the page that is shown again with its faults
 * @throws Refusal 'not found' for a page that this account does not have
 */
export async function accountPage(
  service: Service,
  request: FastifyRequest,
  tab: AccountTab,
  refused?: Filled,
): Promise<Page> {
  const { view } = request;
  const account = await describeAccount(service.db, usernameOf(request));
  if (!hasTab(view, account, tab)) throw new Refusal('not found', 'Not found');
  const draft = await takeDraft(service, request);
  const filled = refused ?? { values: draft?.fields ?? {}, problems: {} };
  const content = html`${account.closedAt && notice('warn', view.m.operator.account.closedNotice)}
${await contentOf(service, request, { account, tab, filled })}`;
  return { ...accountHead(view, account), content, status: statusOf(filled.problems) };
}

async function contentOf(
  service: Service,
  request: FastifyRequest,
  { account, tab, filled }: { account: AccountDetails; tab: AccountTab; filled: Filled },
): Promise<Html> {
  const { view } = request;
  const m = view.m.operator.account;
  switch (tab) {
    case 'money':
      return moneyTab(service, request, account, filled);
    case 'settings':
      return settingsPanel(view, account, filled);
    case 'services':
    case 'numbers':
      return itemsPanel(view, account, filled, tab);
    case 'credentials': {
      const credentials = await takeShownOnce<NewCredentials>(service, request);
      return html`${credentials && newCredentialsPanel(view, credentials)}
${await credentialsPanel(service, view, account, filled)}`;
    }
    default: {
      const credentials = await takeShownOnce<NewCredentials>(service, request);
      const pays = account.masterAccount === account.username;
      const subAccounts = pays
        ? await listSubAccounts(service.db, account.username, SUB_ACCOUNTS)
        : [];
      const payer = html`${accountLink(account.masterAccount)} ${m.paysForIt}`;
      return html`${credentials && newCredentialsPanel(view, credentials)}
${!pays && notice('info', payer)}
${factsPanel(view, account, await registrationOf(service, account, service.clock()))}
${pays && subAccountsPanel(view, account, subAccounts)}`;
    }
  }
}

/** The form for credits and debits with the result of the last one, and the ledger. */
async function moneyTab(
  { db, ...service }: Service,
  request: FastifyRequest,
  account: AccountDetails,
  filled: Filled,
): Promise<Html> {
  const { view } = request;
  const { username } = account;
  const before = queryNumber(request, 'before');
  const { rows: entries, next } = await readPage(
    ENTRIES,
    (limit) => listEntries(db, username, { before, limit }),
    ({ id }) => id,
  );
  const posted = await takeShownOnce<Posted>({ db, ...service }, request);
  return html`${may(view, 'money') && moneyPanel(view, account, filled, posted)}
${panel(
  view.m.operator.account.ledger,
  html`${ledgerTable(view, username, entries)}
${pageLinks(view, { path: `/admin/accounts/${username}/money`, by: 'before', at: before, next })}`,
)}`;
}

async function registrationOf({ db, config }: Service, account: AccountDetails, now: Date) {
  try {
    return await currentRegistration(db, account.username, now, config.registrationUri);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return undefined;
  }
}

function factsPanel(
  view: View,
  account: AccountDetails,
  registration: { uri: string; agent: string } | undefined,
): Html {
  const m = view.m.operator.account;
  const zone = zoneOf(view);
  const { username, masterAccount, verifiedAt, closedAt } = account;
  return html`${stats([
    { label: m.balance, value: shortMoney(view, account.cash) },
    { label: m.spentToday, ...spentToday(view, account) },
    { label: m.rate, value: rate(view, account.rate), note: m.perMinute },
  ])}
<section class="panel">
${facts([
  { label: m.email, value: account.email },
  {
    label: m.billedTo,
    value:
      masterAccount === username ? view.m.operator.accounts.itself : accountLink(masterAccount),
  },
  {
    label: m.registration,
    value: registration ? html`${registration.uri}<br>${registration.agent}` : m.notRegistered,
  },
  { label: m.created, value: day(view, account.createdAt, zone) },
  { label: m.verified, value: verifiedAt ? day(view, verifiedAt, zone) : m.notVerified },
  ...(closedAt ? [{ label: m.closed, value: day(view, closedAt, zone) }] : []),
])}
</section>`;
}

/** What calls took today, and how much they may take. */
function spentToday(view: View, { spentToday, dayLimit, limitReached }: AccountDetails) {
  const m = view.m.operator.account;
  const value = shortMoney(view, spentToday);
  if (dayLimit === null) return { value };
  const limit = m.ofDayLimit(shortMoney(view, dayLimit));
  return { value, note: html`${limit}${limitReached && html` ${badge('bad', m.limitReached)}`}` };
}

function subAccountsPanel(
  view: View,
  { username, subAccounts, closedAt }: AccountDetails,
  shown: AccountSummary[],
): Html {
  const m = view.m.operator.account;
  const add = html`<a class="button quiet small" href="/admin/accounts/new?master=${username}">${m.addSubAccount}</a>`;
  const rest = subAccounts - shown.length;
  const content =
    shown.length > 0
      ? html`${accountTable(view, shown)}${rest > 0 && html`<p class="quiet-text">${m.more(rest)}</p>`}`
      : html`<p class="quiet-text">${m.noSubAccounts}</p>`;
  return panel(m.subAccounts, content, closedAt || !may(view, 'credentials') ? undefined : add);
}
