import type { AccountDetails } from '../domain/account/account-directory.ts';
import { count, fields, moment, money, printable } from './print.ts';

/** An account in full, for people. */
export function accountText(account: AccountDetails): string {
  const { username, masterAccount, services, numbers } = account;
  const payer = masterAccount === username ? '' : ` (of ${masterAccount})`;
  const onOff = (value: boolean) => (value ? 'on' : 'off');
  const lines = fields([
    ['Username', username],
    ['Name', account.name],
    ['E-mail', account.email],
    ['Billed to', masterAccount === username ? 'itself' : masterAccount],
    ['Role', account.role],
    ['Balance', `${money(account.cash)}${payer}`],
    ['Billing', `${account.billing}${payer}`],
    ['Credit limit', `${creditLimit(account)}${payer}`],
    ['Sees the balance', onOff(payer === '' || account.showsBalance)],
    ['Enabled', onOff(account.enabled)],
    ['Suspended', `${account.suspended ? 'yes' : 'no'}${payer}`],
    ['Rate', `${money(account.rate)} a minute`],
    ['Highest rate', account.maxRate === null ? 'any' : `${money(account.maxRate)} a minute`],
    ['Daily limit', `${dayLimit(account)}${payer}`],
    ['Increment', `${account.minimumSeconds}/${account.incrementSeconds} seconds`],
    ['Price list', account.priceList ?? 'none of its own'],
    ['Calls at once', account.maxCalls ?? 'any number'],
    ['Caller ID', account.callerId || 'none'],
    ['Notify', `${onOff(account.notify)}, below ${account.notifyThreshold}`],
    ['Time zone', account.timeZone],
    ['Country', account.country ?? 'as its switch'],
    ['Language', account.language ?? 'as the browser asks'],
    ['Created', moment(account.createdAt)],
    ['Verified', moment(account.verifiedAt, 'no')],
    ['Closed', moment(account.closedAt, 'no')],
    ['Sub-accounts', account.subAccounts],
  ]);
  return [
    lines,
    section(
      count(services.length, 'service'),
      services.map(({ description, monthly }) => [description, monthly]),
    ),
    section(
      count(numbers.length, 'number'),
      numbers.map(({ number, monthly }) => [number, monthly]),
    ),
  ].join('\n');
}

function dayLimit({ dayLimit, spentToday }: AccountDetails): string {
  const limit = dayLimit === null ? 'none' : money(dayLimit);
  return `${limit}; calls of today cost ${money(spentToday)}`;
}

function creditLimit({ billing, creditLimit }: AccountDetails): string {
  if (billing === 'prepaid') return 'none';
  return creditLimit === null ? 'without end' : money(creditLimit);
}

function section(title: string, rows: [string, string][]): string {
  return [
    title[0] === '0' ? `No ${title.slice(2)}` : title,
    ...rows.map(([name, monthly]) => `  ${printable(name)}  ${money(monthly)} a month`),
  ].join('\n');
}
