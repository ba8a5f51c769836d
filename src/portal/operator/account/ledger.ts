import type { FastifyInstance, FastifyReply } from 'fastify';
import { describeAccount } from '../../../domain/account/account-directory.ts';
import { requireBalance } from '../../../domain/books/balance.ts';
import { listEntries, postByHand, reverseEntry } from '../../../domain/books/ledger.ts';
import * as entered from '../../../domain/entered-values.ts';
import { readPage } from '../../../domain/page.ts';
import { Refusal } from '../../../domain/refusal.ts';
import { html } from '../../../html.ts';
import type { Service } from '../../../service.ts';
import { cookiesOf } from '../../access.ts';
import { KEEPS_DRAFT } from '../../draft.ts';
import { readFields } from '../../entered.ts';
import { type Fields, formFields, queryNumber } from '../../input.ts';
import { sendPage } from '../../layout.ts';
import { needsStepUp, stepUp } from '../../step-up.ts';
import { administrator } from '../actor.ts';
import { pageLinks } from '../page-links.ts';
import { ledgerTable } from './money-panels.ts';
import { accountPage } from './page.ts';
import { usernameOf } from './request.ts';

const PAGE = 50;

/** The ledger of a billing account, and posting by hand. */
export function accountLedger(app: FastifyInstance, service: Service): void {
  const { db, clock } = service;

  app.get('/admin/accounts/:username/ledger', async (request, reply) => {
    const { view } = request;
    const username = usernameOf(request);
    const before = queryNumber(request, 'before');
    await requireBalance(db, username);
    const { name } = await describeAccount(db, username);
    const { rows: entries, next } = await readPage(
      PAGE,
      (limit) => listEntries(db, username, { before, limit }),
      ({ id }) => id,
    );
    const m = view.m.operator.account;
    const path = `/admin/accounts/${username}/ledger`;
    const content = html`<section class="panel">
${ledgerTable(view, username, entries)}
${pageLinks(view, { path, by: 'before', at: before, next })}
</section>`;
    const aside = html`<a href="/admin/accounts/${username}">${m.back}</a>`;
    return sendPage(reply, view, { title: `${m.ledger}: ${name}`, content, aside });
  });

  app.post('/admin/accounts/:username/money', KEEPS_DRAFT, async (request, reply) => {
    const account = usernameOf(request);
    const fields = formFields(request);
    const { values, problems } = readFields(request.view.m, fields, {
      amount: entered.amount,
      reason: entered.words,
      reference: entered.reference,
    });
    if (problems) {
      const page = await accountPage(service, request, { values: fields, problems });
      return sendPage(reply, request.view, page);
    }
    if (needsStepUp(service, values.amount) && !(await stepUp(service, request, reply)))
      return reply;
    const debits = fields.direction === 'debit';
    const credit = fields.direction === 'invoice' ? 'credit on invoice' : 'payment';
    const { posted } = await postByHand(db, administrator(request), {
      ...values,
      account,
      kind: debits ? 'adjustment' : credit,
      amount: debits ? `-${values.amount}` : values.amount,
      at: clock(),
    });
    cookiesOf(service).set(reply, 'flash', posted ? 'posted' : 'posted-before');
    return reply.redirect(`/admin/accounts/${account}`, 303);
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
    cookiesOf(service).set(reply, 'flash', posted ? 'posted' : 'posted-before');
    return reply.redirect(`/admin/accounts/${account}/ledger`, 303);
  }
}

const entryOf = ({ entry }: Fields) => Number(entry?.match(/^[0-9]{1,15}$/)?.[0] ?? 0);
