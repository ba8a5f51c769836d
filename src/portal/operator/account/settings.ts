import type { FastifyInstance } from 'fastify';
import { ChangedMeanwhile, changeAccount } from '../../../domain/account/account.ts';
import { BILLINGS, type Billing } from '../../../domain/books/balance.ts';
import * as entered from '../../../domain/entered-values.ts';
import { Refusal } from '../../../domain/refusal.ts';
import type { Service } from '../../../service.ts';
import { cookiesOf } from '../../access.ts';
import { type Fields, formFields } from '../../input.ts';
import { sendPage } from '../../layout.ts';
import { afterChange, changedFields, changedProblems, readShown } from '../../settings-form.ts';
import { administrator } from '../actor.ts';
import { optional, type Problems, readFields, ticked, type Values } from '../entered.ts';
import { stepUp } from '../step-up.ts';
import { accountPage } from './page.ts';
import { usernameOf } from './request.ts';
import { SETTINGS_FORM } from './settings-panel.ts';

/** An account as operators see it, and its settings. */
export function accountSettings(app: FastifyInstance, service: Service): void {
  const { db, queue, clock } = service;

  app.get('/admin/accounts/:username', async (request, reply) =>
    sendPage(reply, request.view, await accountPage(service, request)),
  );

  app.post('/admin/accounts/:username/settings', async (request, reply) => {
    const username = usernameOf(request);
    const fields = formFields(request);
    const { m } = request.view;
    const again = async (values: Fields, problems: Problems) =>
      sendPage(reply, request.view, await accountPage(service, request, { values, problems }));
    const changed = new Set(changedFields(SETTINGS_FORM, fields));
    const readers = Object.entries(READERS).filter(([name]) => changed.has(name));
    const { values, problems } = readFields(fields, Object.fromEntries(readers));
    if (problems) return again(fields, problems);
    // Whoever reads the mail of an account can recover its password.
    if (changed.has('email') && !(await stepUp(service, request, reply))) return reply;
    const { increment, ...changes } = values as Partial<Values<typeof READERS>>;
    try {
      await changeAccount(
        db,
        administrator(request),
        queue,
        username,
        { ...changes, ...increment },
        clock(),
        readShown(fields),
      );
    } catch (error) {
      if (error instanceof ChangedMeanwhile) {
        const say = m.changedMeanwhile;
        return again(afterChange(fields, error), changedProblems(SETTINGS_FORM, error, say));
      }
      if (!(error instanceof Refusal)) throw error;
      if (error.code === 'conflict') return again(fields, { creditLimit: error.message });
      return again(fields, { priceList: error.message });
    }
    cookiesOf(service).set(reply, 'flash', 'saved');
    return reply.redirect(`/admin/accounts/${username}`, 303);
  });
}

const READERS = {
  name: entered.accountName,
  email: entered.email,
  rate: entered.rate,
  increment: entered.increment,
  callerId: entered.callerId,
  timeZone: entered.timeZone,
  notifyThreshold: (text: string) => entered.wholeNumber(text, 0, 1_000_000),
  notify: ticked,
  enabled: ticked,
  priceList: optional(entered.listName),
  maxCalls: optional((text) => entered.wholeNumber(text, 0, 1_000_000)),
  billing: (text: string): Billing => {
    const billing = BILLINGS.find((name) => name === text);
    if (!billing) throw new entered.InvalidValue(`Must be ${BILLINGS.join(' or ')}.`);
    return billing;
  },
  creditLimit: optional(entered.dollarsOrMore),
};
