import {
  LONGEST_PASSWORD,
  passwordProblem,
  SHORTEST_PASSWORD,
} from '../../domain/access/chosen-password.ts';
import { type Html, html } from '../../html.ts';
import type { View } from '../view.ts';
import { field } from './field.ts';

/** The two fields for a new password. @param problem what was wrong before */
export function newPasswordFields(view: View, username: number, problem?: string): Html {
  const m = view.m.newPassword;
  return html`<input type="hidden" name="username" value="${username}" autocomplete="username">
${field({
  name: 'password',
  label: m.label,
  type: 'password',
  autocomplete: 'new-password',
  required: true,
  minLength: SHORTEST_PASSWORD,
  maxLength: LONGEST_PASSWORD,
  hint: m.hint(SHORTEST_PASSWORD, LONGEST_PASSWORD),
  problem,
})}
${field({
  name: 'repeated',
  label: m.repeated,
  type: 'password',
  autocomplete: 'new-password',
  required: true,
})}`;
}

/**
 * Describes the fault of a chosen password.
 * @param own facts about the account that others know
 */
export async function newPasswordProblem(
  view: View,
  { password, repeated }: { password: string; repeated: string },
  own: string[],
): Promise<string | undefined> {
  const m = view.m.newPassword;
  const problem = await passwordProblem(password, [...own, view.brand.name]);
  if (problem) return m.problems[problem](SHORTEST_PASSWORD, LONGEST_PASSWORD);
  return password === repeated ? undefined : m.differ;
}
