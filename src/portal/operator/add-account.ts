import { randomInt } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { addAccount } from '../../domain/account/new-account.ts';
import * as entered from '../../domain/entered-values.ts';
import { Refusal } from '../../domain/refusal.ts';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { field } from '../components/field.ts';
import { KEEPS_DRAFT, takeDraft } from '../draft.ts';
import { optional, type Problems, readFields, statusOf } from '../entered.ts';
import { formFields, queryText } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showOnce } from '../shown-once.ts';
import { form, type View } from '../view.ts';
import type { NewCredentials } from './account/credentials-panel.ts';
import { administrator } from './actor.ts';

const LOWEST = 2_000_000_000;
const HIGHEST = 9_999_999_999;

/** Accounts and sub-accounts that an administrator adds. */
export function addAccountPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, config, clock } = service;

  app.get('/admin/accounts/new', async (request, reply) => {
    const username = String(randomInt(LOWEST, HIGHEST + 1));
    const { fields } = (await takeDraft(service, request)) ?? {};
    const values = { username, masterAccount: queryText(request, 'master'), ...fields };
    return sendPage(reply, request.view, formPage(request.view, values, {}));
  });

  app.post('/admin/accounts/new', KEEPS_DRAFT, async (request, reply) => {
    const { view } = request;
    const fields = formFields(request);
    const wrong = (problems: Problems) => sendPage(reply, view, formPage(view, fields, problems));
    const { values, problems } = readFields(view.m, fields, {
      name: entered.accountName,
      email: entered.email,
      username: entered.username,
      masterAccount: optional(entered.username),
    });
    if (problems) return wrong(problems);
    try {
      const { username, password } = await addAccount(db, administrator(request), keyring, {
        ...values,
        masterAccount: values.masterAccount ?? values.username,
        role: 'customer',
        rate: config.defaultRate,
        limits: config.newLimits,
        sipRealm: config.sipRealm,
        now: clock(),
      });
      const path = `/admin/accounts/${username}`;
      return showOnce(service, reply, path, {
        added: true,
        password,
      } satisfies NewCredentials);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.code === 'conflict') return wrong({ username: view.m.operator.addAccount.taken });
      if (error.code === 'field invalid')
        return wrong({
          masterAccount: view.m.problems.noBillingAccount({ key: 'noBillingAccount' }),
        });
      throw error;
    }
  });
}

function formPage(
  view: View,
  values: Record<string, string | undefined>,
  problems: Problems,
): Page {
  const m = view.m.operator.addAccount;
  const text = (name: string, label: string, hint?: string) =>
    field({ name, label, hint, value: values[name], problem: problems[name], autocomplete: 'off' });
  const fields = html`${text('name', m.name)}
${text('email', m.email)}
${text('username', m.username, m.usernameHint)}
${text('masterAccount', m.master, m.masterHint)}
<button>${m.submit}</button>`;
  const content = html`<section class="panel narrow">${form(view, '/admin/accounts/new', fields)}</section>`;
  return { title: m.title, content, status: statusOf(problems) };
}
