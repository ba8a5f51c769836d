import type { AddressChange } from '../../domain/account/address-change.ts';
import { type Html, html } from '../../html.ts';
import { notice, panel } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { passwordField } from '../confirm.ts';
import { form, type View } from '../view.ts';

export const ADDRESS_FORM = '/settings/address';

/** What was wrong with the form, with the typed address. */
export interface RefusedAddress {
  email: string;
  problem?: string | undefined;
  isWrongPassword?: boolean;
}

/** @param waiting a change that is not confirmed by both addresses yet */
export function addressPanel(
  view: View,
  present: string,
  waiting: AddressChange | undefined,
  refused?: RefusedAddress,
): Html {
  const m = view.m.addressChange;
  const missing = waiting && [
    ...(waiting.beforeConfirmed ? [] : [present]),
    ...(waiting.afterConfirmed ? [] : [waiting.email]),
  ];
  const fields = html`${field({ name: 'email', label: m.email, type: 'email', value: refused?.email, problem: refused?.problem, hint: m.hint, autocomplete: 'email', required: true, maxLength: 254 })}
${passwordField(view, 'address-password', refused?.isWrongPassword === true)}
<button>${m.submit}</button>`;
  return panel(
    m.title,
    html`<p>${m.present} ${freeText(present)}</p>
${missing && notice('info', m.waiting(missing.join(', ')))}
${form(view, ADDRESS_FORM, fields)}`,
  );
}
