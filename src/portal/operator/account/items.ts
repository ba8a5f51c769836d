import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  addNumber,
  addService,
  removeNumber,
  removeService,
} from '../../../domain/billing/recurring-charge.ts';
import * as entered from '../../../domain/entered-values.ts';
import type { Service } from '../../../service.ts';
import { KEEPS_DRAFT } from '../../draft.ts';
import { type Problems, problemOf, readFields } from '../../entered.ts';
import { formFields } from '../../input.ts';
import { sendPage } from '../../layout.ts';
import { showDone } from '../../shown-once.ts';
import { administrator } from '../actor.ts';
import { accountPage } from './page.ts';
import { usernameOf } from './request.ts';

/** Services and numbers of an account. */
export function accountItems(app: FastifyInstance, service: Service): void {
  const { db, clock } = service;

  app.post('/admin/accounts/:username/services', KEEPS_DRAFT, async (request, reply) => {
    const { values, problems } = readFields(request.view.m, formFields(request), {
      description: entered.serviceDescription,
      descriptionMonthly: entered.monthlyAmount,
    });
    if (problems) return again(request, reply, 'services', problems);
    const { description, descriptionMonthly: monthly } = values;
    const account = usernameOf(request);
    await addService(db, administrator(request), { account, description, monthly }, clock());
    return back(request, reply, 'services', 'added');
  });

  app.post('/admin/accounts/:username/services/remove', async (request, reply) => {
    const { description = '' } = formFields(request);
    const account = usernameOf(request);
    await removeService(db, administrator(request), { account, description }, clock());
    return back(request, reply, 'services', 'removed');
  });

  app.post('/admin/accounts/:username/numbers', KEEPS_DRAFT, async (request, reply) => {
    const { values, problems } = readFields(request.view.m, formFields(request), {
      number: entered.assignableNumber,
      numberMonthly: entered.monthlyAmount,
    });
    if (problems) return again(request, reply, 'numbers', problems);
    const { number, numberMonthly: monthly } = values;
    const account = usernameOf(request);
    try {
      await addNumber(db, administrator(request), { account, number, monthly }, clock());
    } catch (error) {
      return again(request, reply, 'numbers', { number: problemOf(request.view.m, error).text });
    }
    return back(request, reply, 'numbers', 'added');
  });

  app.post('/admin/accounts/:username/numbers/remove', async (request, reply) => {
    const { number = '' } = formFields(request);
    const account = usernameOf(request);
    await removeNumber(db, administrator(request), { account, number }, clock());
    return back(request, reply, 'numbers', 'removed');
  });

  const again = async (
    request: FastifyRequest,
    reply: FastifyReply,
    tab: 'services' | 'numbers',
    problems: Problems,
  ) => {
    const filled = { values: formFields(request), problems };
    return sendPage(reply, request.view, await accountPage(service, request, tab, filled));
  };

  const back = (
    request: FastifyRequest,
    reply: FastifyReply,
    tab: 'services' | 'numbers',
    flash: 'added' | 'removed',
  ) => {
    return showDone(service, reply, `/admin/accounts/${usernameOf(request)}/${tab}`, flash);
  };
}
