import type { FastifyReply, FastifyRequest } from 'fastify';
import { checkSecondFactor } from '../domain/access/second-factor.ts';
import { type Decimal, toMicros } from '../domain/money.ts';
import { html } from '../html.ts';
import { logSignIn } from '../http/sign-in-log.ts';
import type { Service } from '../service.ts';
import { sessionOf } from './access.ts';
import { field } from './components/field.ts';
import { knowsPassword, passwordField } from './confirm.ts';
import { type Fields, formFields } from './input.ts';
import { type Page, sendPage } from './layout.ts';
import { form, type View } from './view.ts';

// Forms that require the step have no fields with these names.
const OWN_FIELDS = ['form_token', 'current', 'second_factor'];

/**
 * Whether a form came with the password and, if the second factor is on, with its
 * code. Otherwise the answer is a page that asks for them and sends the form again.
 */
export async function stepUp(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<boolean> {
  const { db, keyring, clock } = service;
  const { username, secondFactor } = sessionOf(request);
  const fields = formFields(request);
  const { current, second_factor: code = '' } = fields;
  const ask = async (wrong?: 'current' | 'code') => {
    await sendPage(reply, request.view, stepUpPage(request.view, fields, secondFactor, wrong));
    return false;
  };
  if (current === undefined) return ask();
  if (!(await knowsPassword(service, request, current))) return ask('current');
  if (!secondFactor) return true;
  const passed = await checkSecondFactor(db, keyring, { username, code, now: clock() });
  const result = passed ? 'passed' : 'failed';
  logSignIn(request, { account: username, result, factor: 'second factor', for: 'confirmation' });
  return passed || ask('code');
}

/** Whether posting an amount requires the password. @param amount negative for a debit */
export function needsStepUp({ config }: Service, amount: Decimal): boolean {
  const micros = toMicros(amount);
  return (micros < 0n ? -micros : micros) > toMicros(config.stepUpAmount);
}

function stepUpPage(
  view: View,
  fields: Fields,
  asksForCode: boolean,
  wrong: 'current' | 'code' | undefined,
): Page {
  const m = view.m.stepUp;
  const kept = Object.entries(fields).filter(([name]) => !OWN_FIELDS.includes(name));
  const code = field({
    name: 'second_factor',
    label: view.m.secondStep.code,
    hint: view.m.secondStep.hint,
    autocomplete: 'one-time-code',
    required: true,
    maxLength: 20,
    problem: wrong === 'code' ? view.m.secondStep.wrong : undefined,
  });
  const content = html`<section class="panel narrow"><p>${m.text}</p>
${form(
  view,
  view.path,
  html`${kept.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">\n`)}${passwordField(view, 'current', wrong === 'current')}
${asksForCode && code}
<button>${m.submit}</button>`,
)}</section>`;
  return { title: m.title, content, status: 403 };
}
