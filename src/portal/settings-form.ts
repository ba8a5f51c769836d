import type { AccountChanges, ChangedMeanwhile, ShownSettings } from '../domain/account/account.ts';
import type { AccountDetails } from '../domain/account/account-directory.ts';
import { Refusal } from '../domain/refusal.ts';
import { type Html, html } from '../html.ts';
import type { Fields } from './input.ts';

type Setting = keyof AccountChanges;

/** The fields of a form: the settings behind each, and the text that it shows of them. */
export type SettingsForm = Record<string, ShownField>;

interface ShownField {
  settings: Setting[];
  text: (shown: ShownSettings) => string;
  /** a box to tick: its text is `on` or nothing */
  isTick?: true;
}

/** A setting that is shown as it is. */
export const asText = (name: Setting) => ({
  settings: [name],
  text: (shown: ShownSettings) => shown[name] ?? '',
});

/** A setting that is on or off, as a box to tick. */
export const asTick = (name: Setting) => ({
  settings: [name],
  text: (shown: ShownSettings) => (shown[name] === 'true' ? 'on' : ''),
  isTick: true as const,
});

/** Dollars, without the zeros at their end. */
export const asDollars = (name: Setting) => ({
  settings: [name],
  text: (shown: ShownSettings) => trimmed(shown[name] ?? ''),
});

/** The settings of an account that a form shows, to be compared when it comes back. */
export function shownSettings(form: SettingsForm, account: AccountDetails): ShownSettings {
  const pays = account.masterAccount === account.username;
  const names = Object.values(form)
    .flatMap(({ settings }) => settings)
    .filter((name) => pays || (name !== 'billing' && name !== 'creditLimit'));
  return Object.fromEntries(
    names.map((name) => [name, account[name] === null ? null : String(account[name])]),
  );
}

/** What the form says again: what was typed where that differs, elsewhere what is in force. */
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
    for (const name of form[field]?.settings ?? []) shown[name] = before[name] ?? null;
  }
  return { values, shown };
}

/** Carries what a form shows. */
export function shownInput(shown: ShownSettings): Html {
  return html`<input type="hidden" name="shown" value="${JSON.stringify(shown)}">`;
}

/** @throws Refusal 'malformed' where the form does not carry what it showed */
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
export function changedFields(form: SettingsForm, typed: Fields): string[] {
  const shown = readShown(typed);
  const texts = textsOf(form, shown);
  return Object.keys(texts).filter((field) => texts[field]?.trim() !== (typed[field] ?? '').trim());
}

/** A form that came too late, as it is shown again: saved once more, it goes through. */
export function afterChange(typed: Fields, { changes }: ChangedMeanwhile): Fields {
  const values = Object.entries(changes).map(([name, { value }]) => [name, value]);
  return {
    ...typed,
    shown: JSON.stringify({ ...readShown(typed), ...Object.fromEntries(values) }),
  };
}

/** What was changed meanwhile, by field; `say` words it. */
export function changedProblems(
  form: SettingsForm,
  { changes }: ChangedMeanwhile,
  say: (change: { text: string; isTick: boolean; actor: string | undefined }) => string,
): Record<string, string> {
  const now = Object.fromEntries(
    Object.entries(changes).map(([name, { value }]) => [name, value]),
  ) as ShownSettings;
  const problems: Record<string, string> = {};
  for (const [field, { settings, text, isTick = false }] of Object.entries(form)) {
    const changed = settings.map((name) => changes[name]).find(Boolean);
    if (changed) problems[field] = say({ text: text(now), isTick, actor: changed.actor });
  }
  return problems;
}

/** The texts of the fields whose settings are known. */
function textsOf(form: SettingsForm, shown: ShownSettings): Fields {
  return Object.fromEntries(
    Object.entries(form)
      .filter(([, { settings }]) => settings.every((name) => shown[name] !== undefined))
      .map(([field, { text }]) => [field, text(shown)]),
  );
}

function trimmed(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}
