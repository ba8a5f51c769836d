import { dropMail, listMails, retryMail } from '../../domain/account/mail-queue.ts';
import { type AuditEntry, searchAudit } from '../../domain/audit.ts';
import { previewMonthlyCharges } from '../../domain/billing/charge-run.ts';
import type { MonthlyCharge } from '../../domain/billing/monthly-charge.ts';
import { requireBalance } from '../../domain/books/balance.ts';
import * as entered from '../../domain/entered-values.ts';
import {
  cancelOperation,
  findOperation,
  listOperations,
} from '../../domain/operation/operation.ts';
import { ok, page, removed, rowsOf, unlessGone } from './framework/answer.ts';
import { anyOf, choice, optional, pattern, text } from './framework/field.ts';
import { PAGE, time, username } from './framework/fields.ts';
import { type Asked, begin, operationSchema, shownOperation } from './framework/long-work.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('running');

const chargePreviews = route('POST /charge-previews', 'previewCharges', {
  idempotency: 'required',
  summary: 'What the monthly charges would be; of one account at once',
  scope: 'charges:read',
  body: {
    month: optional(text(entered.month, { description: 'Only this month' })),
    account: optional(username('Only this billing account')),
  },
  answers: {
    200: s.object({
      charges: s.listOf(s.object({ account: s.username, month: s.name, amount: s.money })),
    }),
    202: operationSchema,
  },
  handle: async (call) => {
    const { service, body, now } = call;
    const { account, month } = body;
    if (account === undefined) {
      return begin(call, { kind: 'charge preview', parameters: { month }, unit: 'charges' });
    }
    const { db, config } = service;
    await requireBalance(db, account);
    const options = { now, prorate: config.prorateCharges, account, month };
    const charges: object[] = [];
    for await (const charge of previewMonthlyCharges(db, options))
      charges.push(shownCharge(charge));
    return ok({ charges });
  },
});

function shownCharge({ account, lines, ...charge }: MonthlyCharge) {
  return {
    account: String(account),
    ...charge,
    lines: lines.map(({ itemId: _, owner, ...line }) => ({ ...line, owner: String(owner) })),
  };
}

/** Long work on all billing accounts, or on one of them. */
const ofAccounts = (kind: string, unit: string) => ({
  idempotency: 'required' as const,
  body: { account: optional(username('Only this billing account')) },
  answers: { 202: operationSchema },
  handle: async (call: Asked & { body: { account?: number | undefined } }) => {
    const { account } = call.body;
    if (account !== undefined) await requireBalance(call.service.db, account);
    return begin(call, { kind, subject: String(account ?? ''), parameters: { account }, unit });
  },
});

const chargeRuns = route('POST /charge-runs', 'postCharges', {
  summary: 'Post the monthly charges that are due',
  scope: 'charges:write',
  ...ofAccounts('charge run', 'accounts'),
});

const reconciliations = route('POST /reconciliations', 'reconcile', {
  summary: 'Prove the balances from calls and ledger',
  scope: 'books:check',
  ...ofAccounts('reconciliation', 'MB'),
});

const operations = route('GET /operations', 'listOperations', {
  summary: 'Long work, newest first; kept for 30 days',
  scope: null,
  query: {
    kind: anyOf(text(entered.words, { description: 'Of these kinds' })),
    status: anyOf(
      choice(['queued', 'running', 'succeeded', 'failed', 'cancelled'], {
        description: 'How it is',
      }),
    ),
    ...PAGE,
  },
  answers: { 200: s.pageOf(operationSchema) },
  handle: async (call) => {
    const { kind: kinds, status: statuses } = call.query;
    const rows = await listOperations(
      call.service.db,
      { kinds, statuses, createdBy: call.key.id },
      { before: call.after, limit: rowsOf(call) },
    );
    return page(call, rows, ({ place, id }) => [place, id], shownOperation);
  },
});

const OPERATION = { id: pattern('^op_[0-9A-Za-z]{1,40}$', { description: 'Its id' }) };

const getOperation = route('GET /operations/{id}', 'getOperation', {
  summary: 'How far long work is, and what came of it',
  description: 'A key sees what was asked for with it.',
  scope: null,
  params: OPERATION,
  answers: { 200: operationSchema },
  handle: async ({ service, params, key }) =>
    ok(shownOperation(await findOperation(service.db, params.id, key.id))),
});

const cancel = route('POST /operations/{id}/cancel', 'cancelOperation', {
  summary: 'End long work before it is done; what it did stays',
  description:
    'Work that waits always, and while it runs a charge run or preview, an import, or a replay. ' +
    'An import can be started again.',
  scope: null,
  isNatural: true,
  params: OPERATION,
  body: {},
  answers: { 200: operationSchema },
  handle: async ({ service, actor, params, key, now }) =>
    ok(
      shownOperation(
        await cancelOperation(service.db, actor, { id: params.id, createdBy: key.id }, now),
      ),
    ),
});

const auditSchema = s.object({
  id: s.name,
  at: s.moment,
  actor: s.name,
  origin: s.name,
  action: s.name,
  account: s.orNull(s.username),
  detail: s.anything,
});

function shownAudit({ id, account, ...entry }: AuditEntry) {
  return { id: String(id), account: account === null ? null : String(account), ...entry };
}

const audit = route('GET /audit-entries', 'listAuditEntries', {
  summary: 'Who changed what, newest first',
  scope: 'audit:read',
  query: {
    account: optional(username('What concerns this account')),
    actor: optional(text(entered.words, { description: 'In whole', example: 'operator root' })),
    action: anyOf(text(entered.words, { description: 'Such as account changed' })),
    from: optional(time('At or after')),
    to: optional(time('Before')),
    ...PAGE,
  },
  answers: { 200: s.pageOf(auditSchema) },
  handle: async (call) => {
    const { account, actor, action: actions, from, to } = call.query;
    const before = call.after?.[0] as number | undefined;
    const filter = { account, actor, actions, from, to };
    const rows = await searchAudit(call.service.db, filter, { before, limit: rowsOf(call) });
    return page(call, rows, ({ id }) => [id], shownAudit);
  },
});

const mailSchema = s.object({
  id: s.name,
  to: s.name,
  kind: s.name,
  queuedAt: s.moment,
  tries: s.whole,
  nextTryAt: s.moment,
  failure: s.orNull(s.name),
});
const M = { id: pattern('^[0-9a-f-]{36}$', { description: 'Its id' }) };

const mails = route('GET /mails', 'listMails', {
  summary: 'Mails that were given up, or wait; oldest first',
  scope: 'mail:read',
  query: {
    state: optional(choice(['parked', 'waiting'], { description: 'parked where it is left out' })),
    ...PAGE,
  },
  answers: { 200: s.pageOf(mailSchema) },
  handle: async (call) => {
    const { state = 'parked' } = call.query;
    const after = call.after?.[0] as string | undefined;
    const rows = await listMails(call.service.queue, state, { after, limit: rowsOf(call) });
    return page(call, rows, ({ id }) => [id]);
  },
});

const retry = route('POST /mails/{id}/retry', 'retryMail', {
  summary: 'Send a mail that was given up',
  scope: 'mail:write',
  params: M,
  body: {},
  answers: { 200: s.object({ id: s.name }) },
  handle: async ({ service, actor, params, now }) => {
    await retryMail(service.db, actor, { ...service, now }, params.id);
    return ok({ id: params.id });
  },
});

const drop = route('DELETE /mails/{id}', 'dropMail', {
  summary: 'Forget a mail that was given up',
  scope: 'mail:write',
  params: M,
  answers: { 204: null },
  handle: async ({ service, actor, params, now }) => {
    await dropMail(service.db, actor, { ...service, now }, params.id).catch(unlessGone);
    return removed;
  },
});

export const runningRoutes = [
  chargePreviews,
  chargeRuns,
  reconciliations,
  operations,
  getOperation,
  cancel,
  audit,
  mails,
  retry,
  drop,
];
