import type { AccountDetails } from '../../../domain/account/account-directory.ts';
import { BILLINGS } from '../../../domain/books/balance.ts';
import { type Html, html } from '../../../html.ts';
import { panel } from '../../components/blocks.ts';
import { checkbox, type Field, field, select } from '../../components/field.ts';
import { form, type View } from '../../view.ts';
import type { Filled } from './request.ts';

/** All that `account set` changes, as a form. */
export function settingsPanel(view: View, account: AccountDetails, filled: Filled): Html {
  const m = view.m.operator.account;
  const { username, minimumSeconds, incrementSeconds } = account;
  const again = Object.hasOwn(filled.values, 'increment');
  const current: Record<string, string> = {
    name: account.name,
    email: account.email,
    rate: trimmed(account.rate),
    increment: `${minimumSeconds}/${incrementSeconds}`,
    callerId: account.callerId,
    timeZone: account.timeZone,
    notifyThreshold: String(account.notifyThreshold),
    priceList: account.priceList ?? '',
    maxCalls: String(account.maxCalls ?? ''),
    billing: account.billing,
    creditLimit: account.creditLimit === null ? '' : trimmed(account.creditLimit),
  };
  const text = (name: string, label: string, more: Partial<Field> = {}) =>
    field({
      name,
      label,
      value: again ? filled.values[name] : current[name],
      problem: filled.problems[name],
      autocomplete: 'off',
      ...more,
    });
  const tick = (name: 'notify' | 'enabled', label: string) =>
    checkbox({ name, label, checked: again ? filled.values[name] === 'on' : account[name] });
  const pays = account.masterAccount === username;
  const billing = html`${select({
    name: 'billing',
    label: m.billing,
    value: again ? filled.values.billing : account.billing,
    choices: BILLINGS.map((value) => ({ value, label: m.billings[value] })),
  })}
${text('creditLimit', m.creditLimit, { hint: m.creditLimitHint, inputMode: 'decimal' })}`;
  const fields = html`<div class="form-grid">
${text('name', m.name)}
${text('email', m.email)}
${text('rate', m.rateLabel, { inputMode: 'decimal' })}
${text('increment', m.increment, { hint: m.incrementHint })}
${text('callerId', m.callerId, { hint: m.callerIdHint, inputMode: 'numeric' })}
${text('timeZone', m.timeZone)}
${text('notifyThreshold', m.threshold, { inputMode: 'numeric' })}
${text('priceList', m.priceList, { hint: m.priceListHint })}
${text('maxCalls', m.maxCalls, { hint: m.maxCallsHint, inputMode: 'numeric' })}
${pays && billing}
</div>
${tick('notify', m.notify)}
${tick('enabled', m.enabled)}
<button>${m.save}</button>`;
  return panel(m.settings, form(view, `/admin/accounts/${username}/settings`, fields));
}

/** A decimal without the zeros at its end. */
function trimmed(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}
