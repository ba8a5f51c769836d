import type { FastifyRequest } from 'fastify';
import { checkSignIn } from '../domain/access/sign-in.ts';
import { Refusal } from '../domain/refusal.ts';
import { type Html, html } from '../html.ts';
import { originOf } from '../http/client-address.ts';
import type { Service } from '../service.ts';
import { sessionOf } from './access.ts';
import { field } from './components/field.ts';
import type { View } from './view.ts';

/**
 * Whether whoever is signed in knows the password; a wrong one counts as a failure to sign in.
 * @throws Refusal 'rate limited'
 */
export async function knowsPassword(
  { db, keyring, clock }: Service,
  request: FastifyRequest,
  password: string,
): Promise<boolean> {
  try {
    await checkSignIn(db, keyring, {
      login: String(sessionOf(request).username),
      password,
      from: originOf(request.clientAddress),
      device: request.device,
      now: clock(),
    });
    return true;
  } catch (error) {
    if (error instanceof Refusal && error.code === 'unauthorized') return false;
    throw error;
  }
}

/** The field that asks for the password once more. @param wrong it was not right before */
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
