import type { FastifyRequest } from 'fastify';
import { checkSignIn } from '../domain/access/sign-in.ts';
import { type Html, html } from '../html.ts';
import { originOf } from '../http/client-address.ts';
import { logSignIn } from '../http/sign-in-log.ts';
import type { Service } from '../service.ts';
import { sessionOf } from './access.ts';
import { field } from './components/field.ts';
import type { View } from './view.ts';

/**
 * Whether the person who is signed in knows the password; a wrong one counts as a failed sign-in.
 * @throws Refusal 'rate limited'
 */
export async function knowsPassword(
  { db, keyring, clock }: Service,
  request: FastifyRequest,
  password: string,
): Promise<boolean> {
  const { account, signedIn } = await checkSignIn(db, keyring, {
    login: String(sessionOf(request).username),
    password,
    from: originOf(request.clientAddress),
    device: request.device,
    now: clock(),
  });
  const result = signedIn ? 'passed' : 'failed';
  logSignIn(request, { account, result, factor: 'password', for: 'confirmation' });
  return signedIn !== undefined;
}

/** The field for the password, asked again. @param wrong the last password was wrong */
export function passwordField(view: View, name: string, wrong: boolean): Html {
  const m = view.m.confirm;
  return html`${field({
    name,
    label: m.label,
    type: 'password',
    autocomplete: 'current-password',
    required: true,
    problem: wrong ? m.wrong : undefined,
  })}`;
}
