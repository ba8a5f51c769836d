import type { AccountDetails } from '../../../domain/account/account-directory.ts';
import { BILLINGS } from '../../../domain/books/balance.ts';
import { type Html, html } from '../../../html.ts';
import { panel } from '../../components/blocks.ts';
import { checkbox, type Field, field, select } from '../../components/field.ts';
import {
  asDollars,
  asText,
  asTick,
  refilled,
  type SettingsForm,
  shownInput,
  shownSettings,
} from '../../settings-form.ts';
import { form, type View } from '../../view.ts';
import type { Filled } from './request.ts';

/** The fields of the form, and the settings that each shows. */
export const SETTINGS_FORM: SettingsForm = {
  name: asText('name'),
  email: asText('email'),
  rate: asDollars('rate'),
  increment: {
    settings: ['minimumSeconds', 'incrementSeconds'],
    text: ({ minimumSeconds, incrementSeconds }) => `${minimumSeconds}/${incrementSeconds}`,
  },
  callerId: asText('callerId'),
  timeZone: asText('timeZone'),
  notifyThreshold: asText('notifyThreshold'),
  priceList: asText('priceList'),
  maxCalls: asText('maxCalls'),
  notify: asTick('notify'),
  enabled: asTick('enabled'),
  billing: asText('billing'),
  creditLimit: asDollars('creditLimit'),
};

/** All that `account set` changes, as a form. */
export function settingsPanel(view: View, account: AccountDetails, filled: Filled): Html {
  const m = view.m.operator.account;
  const { username } = account;
  const current = shownSettings(SETTINGS_FORM, account);
  const { values, shown } = refilled(SETTINGS_FORM, current, filled.values);
  const problemOf = (name: string) => filled.problems[name];
  const text = (name: string, label: string, more: Partial<Field> = {}) =>
    field({
      name,
      label,
      value: values[name],
      problem: problemOf(name),
      autocomplete: 'off',
      ...more,
    });
  const tick = (name: string, label: string) =>
    checkbox({ name, label, checked: values[name] === 'on', problem: problemOf(name) });
  const pays = account.masterAccount === username;
  const billing = html`${select({
    name: 'billing',
    label: m.billing,
    value: values.billing,
    problem: problemOf('billing'),
    choices: BILLINGS.map((value) => ({ value, label: m.billings[value] })),
  })}
${text('creditLimit', m.creditLimit, { hint: m.creditLimitHint, inputMode: 'decimal' })}`;
  const fields = html`${shownInput(shown)}<div class="form-grid">
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
