import { secondFactorState } from '../../../domain/access/second-factor.ts';
import { listSessions } from '../../../domain/access/session.ts';
import type { AccountDetails } from '../../../domain/account/account-directory.ts';
import { type Html, html } from '../../../html.ts';
import type { Service } from '../../../service.ts';
import { notice, panel } from '../../components/blocks.ts';
import { confirmed } from '../../components/confirmed.ts';
import { field } from '../../components/field.ts';
import { copyable } from '../../components/secret.ts';
import { form, may, type View } from '../../view.ts';
import type { Filled } from './request.ts';

/** Credentials that the account's page shows once. */
export interface NewCredentials {
  /** the account was added just now */
  added?: boolean;
  password?: string;
  apikey?: string;
  sipAddress?: string;
  sipSecret?: string;
}

/** Shows those that are given, each with a button to copy it. They are shown this once. */
export function newCredentialsPanel(view: View, credentials: NewCredentials): Html {
  const m = view.m.operator.account;
  const { added, password, apikey, sipAddress, sipSecret } = credentials;
  return html`${notice('warn', added ? m.addedOnce : m.shownOnce)}
${panel(
  sipAddress ? m.sipSecret : m.newCredentials,
  html`${password && copyable(view, 'password', m.password, password)}
${apikey && copyable(view, 'apikey', m.apikey, apikey)}
${sipAddress && copyable(view, 'sip-address', m.sipAddress, sipAddress)}
${sipSecret && copyable(view, 'sip-secret', m.sipSecret, sipSecret)}`,
)}`;
}

/** The forms for credentials and, for an administrator, for closing an account. */
export async function credentialsPanel(
  { db, config }: Service,
  view: View,
  { username }: AccountDetails,
  filled: Filled,
): Promise<Html> {
  const m = view.m.operator.account;
  const path = `/admin/accounts/${username}`;
  const [factor, sessions] = await Promise.all([
    secondFactorState(db, username),
    listSessions(db, username, view.now, config.sessionLife),
  ]);
  const part = (title: string, text: string, action: Html | false) =>
    html`<div><h3>${title}</h3><p>${text}</p>${action}</div>\n`;
  const button = (name: string, label: string) => confirmed(view, `${path}/${name}`, label);
  const closing = form(
    view,
    `${path}/close`,
    html`${field({ name: 'confirm', label: m.closeConfirm, value: filled.values.confirm, problem: filled.problems.confirm, inputMode: 'numeric', autocomplete: 'off', required: true })}
<button class="danger">${m.close}</button>`,
  );
  return html`${panel(
    m.credentialsTab,
    html`<div class="columns">
${part(m.newPassword, m.newPasswordText, button('password', m.newPassword))}${part(m.newKey, m.newKeyText, button('key', m.newKey))}</div>
<div class="columns">
${part(m.sipSecret, m.showSipSecretText, form(view, `${path}/sip-secret/show`, html`<button class="quiet">${m.showSipSecret}</button>`))}${part(m.newSipSecret, m.newSipSecretText, button('sip-secret', m.newSipSecret))}</div>
<div class="columns">
${part(m.secondFactor, factor.on ? m.secondFactorText : m.secondFactorOff, factor.on && button('second-factor', m.removeSecondFactor))}${part(m.sessions, m.sessionsText(sessions.length), sessions.length > 0 && button('sessions', m.endSessions))}</div>`,
  )}
${may(view, 'operation') && panel(m.close, html`<p>${m.closeText}</p>${closing}`)}`;
}
