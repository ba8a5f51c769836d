import type { FastifyRequest } from 'fastify';
import {
  type AccountDetails,
  type AccountSummary,
  describeAccount,
  listSubAccounts,
} from '../../../domain/account/account-directory.ts';
import { listEntries } from '../../../domain/books/ledger.ts';
import { Refusal } from '../../../domain/refusal.ts';
import { currentRegistration } from '../../../domain/sip/registration.ts';
import { type Html, html } from '../../../html.ts';
import type { Service } from '../../../service.ts';
import { badge, facts, notice, panel } from '../../components/blocks.ts';
import { isolated } from '../../components/free-text.ts';
import { money, rate } from '../../components/money.ts';
import { day } from '../../components/time.ts';
import { takeDraft } from '../../draft.ts';
import type { Page } from '../../layout.ts';
import { takeShownOnce } from '../../shown-once.ts';
import { may, type View, zoneOf } from '../../view.ts';
import { accountLink, accountTable, states } from '../accounts.ts';
import { credentialsPanel, type NewCredentials, newCredentialsPanel } from './credentials-panel.ts';
import { itemsPanels } from './items-panels.ts';
import { ledgerTable, moneyPanel } from './money-panels.ts';
import { type Filled, usernameOf } from './request.ts';
import { settingsPanel } from './settings-panel.ts';
import { accountTabs } from './views.ts';

const SUB_ACCOUNTS = 20;
const ENTRIES = 5;

/**
 * An account as operators see it.
 * @param refused a form of the page that is shown again with its faults
 */
export async function accountPage(
  service: Service,
  request: FastifyRequest,
  refused?: Filled,
): Promise<Page> {
  const { db, clock } = service;
  const { view } = request;
  const account = await describeAccount(db, usernameOf(request));
  const { username, masterAccount, closedAt } = account;
  const pays = masterAccount === username;
  const [subAccounts, entries, registration] = await Promise.all([
    pays ? listSubAccounts(db, username, SUB_ACCOUNTS) : [],
    pays ? listEntries(db, username, { limit: ENTRIES }) : [],
    registrationOf(service, account, clock()),
  ]);
  const open = closedAt === null;
  const m = view.m.operator.account;
  const draft = await takeDraft(service, request);
  const filled = refused ?? { values: draft?.fields ?? {}, problems: {} };
  const credentials = await takeShownOnce<NewCredentials>(service, request);
  const content = html`${credentials && newCredentialsPanel(view, credentials)}
${!open && notice('warn', m.closedNotice)}
<div class="columns">
${factsPanel(view, account, registration)}
${!pays && notice('info', html`${accountLink(masterAccount)} ${m.paysForIt}`)}
${pays && may(view, 'money') && moneyPanel(view, account, filled)}
</div>
${pays && panel(m.ledger, ledgerTable(view, username, entries), html`<a href="/admin/accounts/${username}/ledger">${m.wholeLedger}</a>`)}
${open && settingsPanel(view, account, filled)}
<div class="columns">${itemsPanels(view, account, filled)}</div>
${pays && subAccountsPanel(view, account, subAccounts)}
${open && (may(view, 'credentials') || may(view, 'operation')) && credentialsPanel(view, account, filled)}`;
  const status = Object.keys(filled.problems).length > 0 ? 400 : 200;
  return { title: isolated(account.name), content, tabs: accountTabs(view, username), status };
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
  return panel(
    String(username),
    facts([
      { label: view.m.operator.accounts.state, value: states(view, account) },
      { label: m.balance, value: money(view, account.cash) },
      { label: m.spentToday, value: spentToday(view, account) },
      { label: m.rate, value: html`${rate(view, account.rate)} ${m.perMinute}` },
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
    ]),
  );
}

function spentToday(view: View, { spentToday, dayLimit, limitReached }: AccountDetails): Html {
  const spent = money(view, spentToday);
  if (dayLimit === null) return spent;
  const text = html`${spent} / ${money(view, dayLimit)}`;
  return limitReached ? html`${text} ${badge('bad', view.m.operator.account.limitReached)}` : text;
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
