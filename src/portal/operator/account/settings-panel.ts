import type { AccountDetails } from '../../../domain/account/account-directory.ts';
import {
  type AccountSettingName,
  accountSetting,
  SETTING_NAMES,
} from '../../../domain/account/account-setting.ts';
import { type Html, html } from '../../../html.ts';
import { facts, panel } from '../../components/blocks.ts';
import { checkbox, field, select } from '../../components/field.ts';
import { inCurrency } from '../../components/money.ts';
import { refilled, type SettingsForm, shownInput, shownSettings } from '../../settings-form.ts';
import { form, may, type View } from '../../view.ts';
import type { Filled } from './request.ts';
import { mayManage } from './tabs.ts';

// What a customer would ask support for. All other settings are about money.
const OF_SUPPORT: readonly AccountSettingName[] = [
  'name',
  'email',
  'externalId',
  'callerId',
  'timeZone',
  'country',
  'language',
  'notify',
  'notifyThreshold',
  'maxCalls',
  'enabled',
];

const permissionOf = (name: AccountSettingName) =>
  OF_SUPPORT.includes(name) ? 'credentials' : 'money';

/** The settings that a role may change of an account; each field has the name of its setting. */
export function settingsForm(view: View, account: Pick<AccountDetails, 'role'>): SettingsForm {
  const names = SETTING_NAMES.filter(
    (name) => mayManage(view, account) && may(view, permissionOf(name)),
  );
  return Object.fromEntries(names.map((name) => [name, name]));
}

const INPUT_MODES = { digits: 'numeric', money: 'decimal', 'whole money': 'numeric' } as const;

/** An account's settings: those that the role may not change as facts, the others in a form. */
export function settingsPanel(view: View, account: AccountDetails, filled: Filled): Html {
  const m = view.m.operator;
  const { username, masterAccount } = account;
  const changeable = settingsForm(view, account);
  const current = shownSettings(changeable, account);
  const { values, shown } = refilled(changeable, current, filled.values);
  const input = (name: AccountSettingName) => {
    const { input, choices, isOptional } = accountSetting(name);
    const { choices: words = {}, ...texts } = m.accountSettings[name];
    const value = values[name];
    const label = input.endsWith('money') ? inCurrency(view, texts.label) : texts.label;
    const common = { name, ...texts, label, value, problem: filled.problems[name] };
    if (input === 'tick') return checkbox({ ...common, checked: value === 'on' });
    if (choices) {
      return select({
        ...common,
        choices: [
          ...(isOptional ? [{ value: '', label: words.none ?? '' }] : []),
          ...choices.map((choice) => ({ value: choice, label: words[choice] ?? choice })),
        ],
      });
    }
    const more =
      input === 'text' ? {} : { inputMode: INPUT_MODES[input as keyof typeof INPUT_MODES] };
    return field({ ...common, ...more, autocomplete: 'off' });
  };
  const names = SETTING_NAMES.filter(
    (name) => accountSetting(name).table === 'account' || masterAccount === username,
  );
  const fixed = names.filter((name) => !Object.hasOwn(changeable, name));
  const lines = (isTick: boolean) =>
    names
      .filter((name) => Object.hasOwn(changeable, name))
      .filter((name) => (accountSetting(name).input === 'tick') === isTick)
      .map((name) => html`${input(name)}\n`);
  const fields = html`${shownInput(shown)}<div class="form-grid">
${lines(false)}</div>
${lines(true)}<button>${m.account.save}</button>`;
  const all = Object.fromEntries(fixed.map((name) => [name, name]));
  const texts = refilled(all, shownSettings(all, account), undefined).values;
  return panel(
    m.account.settings,
    html`${fixed.length > 0 && facts(fixed.map((name) => ({ label: m.accountSettings[name].label, value: texts[name] || '–' })))}
${fixed.length < names.length && form(view, `/admin/accounts/${username}/settings`, fields)}`,
  );
}
