import type { ChangedMeanwhile } from '../domain/account/account.ts';
import type { AccountDetails } from '../domain/account/account-directory.ts';
import {
  type AccountChanges,
  type AccountSettingName,
  accountSetting,
  columnsOf,
  readSetting,
  type ShownSettings,
} from '../domain/account/account-setting.ts';
import { Refusal } from '../domain/refusal.ts';
import { type Html, html } from '../html.ts';
import { type Problems, readFields } from './entered.ts';
import type { Fields } from './input.ts';
import type { Messages } from './messages/index.ts';

/** The fields of a form, each with the setting that it shows. */
export type SettingsForm = Record<string, AccountSettingName>;

/** The text of a field for a shown setting. */
function textOf(name: AccountSettingName, shown: ShownSettings): string {
  const { input, shown: joined } = accountSetting(name);
  const text = joined?.(shown) ?? shown[name as keyof ShownSettings] ?? '';
  if (input === 'money') return trimmed(text);
  if (input === 'tick') return text === 'true' ? 'on' : '';
  return text;
}

/**
 * Reads the fields that differ from what the form showed.
 * @returns the changes, or else the faults by field
 */
export function readSettings(
  m: Messages,
  form: SettingsForm,
  typed: Fields,
): { changes: AccountChanges; problems?: undefined } | { changes?: undefined; problems: Problems } {
  const changed = Object.entries(form).filter(([field]) =>
    changedFields(form, typed).includes(field),
  );
  const { values, problems } = readFields(
    m,
    typed,
    Object.fromEntries(
      changed.map(([field, name]) => [
        field,
        (text: string) => readSetting(name, command(name, text)),
      ]),
    ),
  );
  return problems ? { problems } : { changes: Object.assign({}, ...Object.values(values)) };
}

/** The typed text, in the form of the command's argument. */
function command(name: AccountSettingName, text: string): string {
  const { input, isOptional } = accountSetting(name);
  if (input === 'tick') return text === 'on' ? 'on' : 'off';
  return isOptional && text === '' ? 'none' : text;
}

/** The settings that a form shows, for comparison when the form comes back. */
export function shownSettings(form: SettingsForm, account: AccountDetails): ShownSettings {
  const pays = account.masterAccount === account.username;
  const names = Object.values(form)
    .filter((name) => pays || accountSetting(name).table === 'account')
    .flatMap((name) => columnsOf(name).map(([column]) => column));
  return Object.fromEntries(
    names.map((name) => [name, account[name] === null ? null : String(account[name])]),
  );
}

/**
 * The content of a form that is shown again: typed fields that differ, and current values
 * elsewhere.
 */
export function refilled(
  form: SettingsForm,
  current: ShownSettings,
  typed: Fields | undefined,
): { values: Fields; shown: ShownSettings } {
  const values = textsOf(form, current);
  if (typed?.shown === undefined) return { values, shown: current };
  const before = readShown(typed);
  const shown = { ...current };
  for (const field of changedFields(form, typed)) {
    values[field] = typed[field] ?? '';
    for (const name of settingsOf(form, field)) shown[name] = before[name] ?? null;
  }
  return { values, shown };
}

/** A hidden field with the values that a form shows. */
export function shownInput(shown: ShownSettings): Html {
  return html`<input type="hidden" name="shown" value="${JSON.stringify(shown)}">`;
}

/** @throws Refusal 'malformed' if the form does not carry the values that it showed */
export function readShown({ shown = '' }: Fields): ShownSettings {
  try {
    const value: unknown = JSON.parse(shown);
    const isText = (item: unknown) =>
      item === null || (typeof item === 'string' && item.isWellFormed() && !item.includes('\0'));
    if (value && typeof value === 'object' && Object.values(value).every(isText)) return value;
  } catch {}
  throw new Refusal('malformed', 'Bad request');
}

/** The fields that differ from what the form showed. */
function changedFields(form: SettingsForm, typed: Fields): string[] {
  const shown = readShown(typed);
  const texts = textsOf(form, shown);
  return Object.keys(texts).filter((field) => texts[field]?.trim() !== (typed[field] ?? '').trim());
}

/** A form with outdated values, shown again. A second submission is accepted. */
export function afterChange(typed: Fields, { changes }: ChangedMeanwhile): Fields {
  const values = Object.entries(changes).map(([name, { value }]) => [name, value]);
  return {
    ...typed,
    shown: JSON.stringify({ ...readShown(typed), ...Object.fromEntries(values) }),
  };
}

/** The settings that changed meanwhile, by field; `say` writes the text. */
export function changedProblems(
  form: SettingsForm,
  { changes }: ChangedMeanwhile,
  say: (change: { text: string; isTick: boolean; actor: string | undefined }) => string,
): Record<string, string> {
  const now = Object.fromEntries(
    Object.entries(changes).map(([name, { value }]) => [name, value]),
  ) as ShownSettings;
  const problems: Record<string, string> = {};
  for (const [field, name] of Object.entries(form)) {
    const changed = settingsOf(form, field)
      .map((column) => changes[column])
      .find(Boolean);
    const isTick = accountSetting(name).input === 'tick';
    if (changed) problems[field] = say({ text: textOf(name, now), isTick, actor: changed.actor });
  }
  return problems;
}

/** The texts of the fields whose settings are known. */
function textsOf(form: SettingsForm, shown: ShownSettings): Fields {
  return Object.fromEntries(
    Object.entries(form)
      .filter(([field]) => settingsOf(form, field).every((name) => shown[name] !== undefined))
      .map(([field, name]) => [field, textOf(name, shown)]),
  );
}

/** The names of the columns behind a field. */
function settingsOf(form: SettingsForm, field: string): (keyof AccountChanges)[] {
  const name = form[field];
  return name ? columnsOf(name).map(([column]) => column) : [];
}

function trimmed(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}
