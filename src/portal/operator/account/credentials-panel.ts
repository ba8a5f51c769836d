import type { AccountDetails } from '../../../domain/account/account-directory.ts';
import { type Html, html } from '../../../html.ts';
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
  sipSecret?: string;
}

export function newCredentialsPanel(view: View, credentials: NewCredentials): Html {
  const m = view.m.operator.account;
  const { added, password, apikey, sipSecret } = credentials;
  return html`${notice('warn', added ? m.addedOnce : m.shownOnce)}
${panel(
  m.newCredentials,
  html`${password && copyable(view, 'password', m.password, password)}
${apikey && copyable(view, 'apikey', m.apikey, apikey)}
${sipSecret && copyable(view, 'sip-secret', m.sipSecret, sipSecret)}`,
)}`;
}

/** The panel for new credentials and for closing an account. */
export function credentialsPanel(view: View, { username }: AccountDetails, filled: Filled): Html {
  const m = view.m.operator.account;
  const path = `/admin/accounts/${username}`;
  return panel(
    m.credentials,
    html`<div class="columns">
${
  may(view, 'credentials') &&
  html`<div><h3>${m.newPassword}</h3><p>${m.newPasswordText}</p>
${confirmed(view, `${path}/password`, m.newPassword)}</div>
<div><h3>${m.newKey}</h3><p>${m.newKeyText}</p>
${confirmed(view, `${path}/key`, m.newKey)}</div>
<div><h3>${m.newSipSecret}</h3><p>${m.newSipSecretText}</p>
${confirmed(view, `${path}/sip-secret`, m.newSipSecret)}</div>`
}
${
  may(view, 'operation') &&
  html`<div><h3>${m.close}</h3><p>${m.closeText}</p>
${form(
  view,
  `${path}/close`,
  html`${field({ name: 'confirm', label: m.closeConfirm, value: filled.values.confirm, problem: filled.problems.confirm, inputMode: 'numeric', autocomplete: 'off', required: true })}
<button class="danger">${m.close}</button>`,
)}</div>`
}
</div>`,
  );
}
