import type { AccountDetails } from '../../../domain/account/account-directory.ts';
import {
  type AccountSettingName,
  accountSetting,
  SETTING_NAMES,
} from '../../../domain/account/account-setting.ts';
import { type Html, html } from '../../../html.ts';
import { panel } from '../../components/blocks.ts';
import { checkbox, field, select } from '../../components/field.ts';
import { refilled, type SettingsForm, shownInput, shownSettings } from '../../settings-form.ts';
import { form, type View } from '../../view.ts';
import type { Filled } from './request.ts';

/** All settings that `account set` changes; each field has the name of its setting. */
export const SETTINGS_FORM: SettingsForm = Object.fromEntries(
  SETTING_NAMES.map((name) => [name, name]),
);

const INPUT_MODES = { digits: 'numeric', dollars: 'decimal' } as const;

/** The form of an account's settings. */
export function settingsPanel(view: View, account: AccountDetails, filled: Filled): Html {
  const m = view.m.operator;
  const { username, masterAccount } = account;
  const current = shownSettings(SETTINGS_FORM, account);
  const { values, shown } = refilled(SETTINGS_FORM, current, filled.values);
  const input = (name: AccountSettingName) => {
    const { input, choices, isOptional } = accountSetting(name);
    const { choices: words = {}, ...texts } = m.accountSettings[name];
    const value = values[name];
    const common = { name, ...texts, value, problem: filled.problems[name] };
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
    const more = input === 'text' ? {} : { inputMode: INPUT_MODES[input as 'digits' | 'dollars'] };
    return field({ ...common, ...more, autocomplete: 'off' });
  };
  const names = SETTING_NAMES.filter(
    (name) => accountSetting(name).table === 'account' || masterAccount === username,
  );
  const lines = (isTick: boolean) =>
    names
      .filter((name) => (accountSetting(name).input === 'tick') === isTick)
      .map((name) => html`${input(name)}\n`);
  const fields = html`${shownInput(shown)}<div class="form-grid">
${lines(false)}</div>
${lines(true)}<button>${m.account.save}</button>`;
  return panel(m.account.settings, form(view, `/admin/accounts/${username}/settings`, fields));
}
