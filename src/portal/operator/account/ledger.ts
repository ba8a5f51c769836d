import type { FastifyInstance, FastifyReply } from 'fastify';
import { listEntries, postByHand, reverseEntry } from '../../../domain/books/ledger.ts';
import * as entered from '../../../domain/entered-values.ts';
import { Refusal } from '../../../domain/refusal.ts';
import type { Service } from '../../../service.ts';
import { KEEPS_DRAFT } from '../../draft.ts';
import { readFields } from '../../entered.ts';
import { type Fields, formFields } from '../../input.ts';
import { sendPage } from '../../layout.ts';
import { showDone, showOnce } from '../../shown-once.ts';
import { needsStepUp, stepUp } from '../../step-up.ts';
import { administrator } from '../actor.ts';
import type { Posted } from './money-panels.ts';
import { accountPage } from './page.ts';
import { usernameOf } from './request.ts';

/** The ledger of a billing account, and posting by hand. */
export function accountLedger(app: FastifyInstance, service: Service): void {
  const { db, clock } = service;

  app.get('/admin/accounts/:username/money', async (request, reply) =>
    sendPage(reply, request.view, await accountPage(service, request, 'money')),
  );

  app.post('/admin/accounts/:username/money', KEEPS_DRAFT, async (request, reply) => {
    const account = usernameOf(request);
    const fields = formFields(request);
    const { values, problems } = readFields(request.view.m, fields, {
      amount: entered.amount,
      reason: entered.words,
      reference: entered.reference,
    });
    if (problems) {
      const page = await accountPage(service, request, 'money', { values: fields, problems });
      return sendPage(reply, request.view, page);
    }
    if (needsStepUp(service, values.amount) && !(await stepUp(service, request, reply)))
      return reply;
    const debits = fields.direction === 'debit';
    const credit = fields.direction === 'invoice' ? 'credit on invoice' : 'payment';
    const amount = debits ? `-${values.amount}` : values.amount;
    const { posted } = await postByHand(db, administrator(request), {
      ...values,
      account,
      kind: debits ? 'adjustment' : credit,
      amount,
      at: clock(),
    });
    const last: Posted = { amount, posted };
    return showOnce(service, reply, `/admin/accounts/${account}/money`, last);
  });

  app.post('/admin/accounts/:username/settle', async (request, reply) => {
    const account = usernameOf(request);
    const fields = formFields(request);
    const entry = entryOf(fields);
    const [found] = await listEntries(db, account, { before: entry + 1, limit: 1 });
    if (found?.id !== entry) throw new Refusal('not found', `${account} has no entry ${entry}`);
    if (needsStepUp(service, found.amount) && !(await stepUp(service, request, reply)))
      return reply;
    const { posted } = await postByHand(db, administrator(request), {
      account,
      kind: 'payment',
      amount: found.amount,
      reason: request.view.m.operator.account.settled(entry),
      reference: entered.reference(fields.reference ?? ''),
      settles: entry,
      at: clock(),
    });
    return done(reply, account, posted);
  });

  app.post('/admin/accounts/:username/reverse', async (request, reply) => {
    const account = usernameOf(request);
    const entry = entryOf(formFields(request));
    const reason = request.view.m.operator.account.reversed(entry);
    const [found] = await listEntries(db, account, { before: entry + 1, limit: 1 });
    const asks = found?.id === entry && needsStepUp(service, found.amount);
    if (asks && !(await stepUp(service, request, reply))) return reply;
    const { posted } = await reverseEntry(
      db,
      administrator(request),
      { account, entry, reason },
      clock(),
    );
    return done(reply, account, posted);
  });

  function done(reply: FastifyReply, account: number, posted: boolean): FastifyReply {
    return showDone(
      service,
      reply,
      `/admin/accounts/${account}/money`,
      posted ? 'posted' : 'posted-before',
    );
  }
}

const entryOf = ({ entry }: Fields) => Number(entry?.match(/^[0-9]{1,15}$/)?.[0] ?? 0);
