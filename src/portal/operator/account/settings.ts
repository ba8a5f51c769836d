import type { FastifyInstance } from 'fastify';
import { changeAccount } from '../../../domain/account/account.ts';
import { BILLINGS, type Billing } from '../../../domain/books/balance.ts';
import * as entered from '../../../domain/entered-values.ts';
import { Refusal } from '../../../domain/refusal.ts';
import type { Service } from '../../../service.ts';
import { cookiesOf } from '../../access.ts';
import { formFields } from '../../input.ts';
import { sendPage } from '../../layout.ts';
import { administrator } from '../actor.ts';
import { optional, type Problems, readFields, ticked } from '../entered.ts';
import { accountPage } from './page.ts';
import { usernameOf } from './request.ts';

/** An account as operators see it, and its settings. */
export function accountSettings(app: FastifyInstance, service: Service): void {
  const { db, queue, clock } = service;

  app.get('/admin/accounts/:username', async (request, reply) =>
    sendPage(reply, request.view, await accountPage(service, request)),
  );

  app.post('/admin/accounts/:username/settings', async (request, reply) => {
    const username = usernameOf(request);
    const fields = formFields(request);
    const { values, problems } = readFields(fields, {
      name: entered.accountName,
      email: entered.email,
      rate: entered.rate,
      increment: entered.increment,
      callerId: entered.callerId,
      timeZone: entered.timeZone,
      notifyThreshold: (text) => entered.wholeNumber(text, 0, 1_000_000),
      notify: ticked,
      enabled: ticked,
      priceList: optional(entered.listName),
      maxCalls: optional((text) => entered.wholeNumber(text, 0, 1_000_000)),
      ...(fields.billing === undefined ? {} : PAYER),
    });
    const again = async (wrong: Problems) =>
      sendPage(
        reply,
        request.view,
        await accountPage(service, request, { values: fields, problems: wrong }),
      );
    if (problems) return again(problems);
    const { increment, ...changes } = values;
    try {
      await changeAccount(
        db,
        administrator(request),
        queue,
        username,
        { ...changes, ...increment },
        clock(),
      );
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.code === 'conflict') return again({ creditLimit: error.message });
      return again({ priceList: error.message });
    }
    cookiesOf(service).set(reply, 'flash', 'saved');
    return reply.redirect(`/admin/accounts/${username}`, 303);
  });
}

const PAYER = {
  billing: (text: string): Billing => {
    const billing = BILLINGS.find((name) => name === text);
    if (!billing) throw new entered.InvalidValue(`Must be ${BILLINGS.join(' or ')}.`);
    return billing;
  },
  creditLimit: optional(entered.dollarsOrMore),
};
