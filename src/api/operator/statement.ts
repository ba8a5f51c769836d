import { monthlyStatement } from '../../domain/billing/statement.ts';
import { requireBalance } from '../../domain/books/balance.ts';
import * as entered from '../../domain/entered-values.ts';
import { ok } from './framework/answer.ts';
import { text } from './framework/field.ts';
import { username } from './framework/fields.ts';
import { Problem } from './framework/problem.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('money');
const A = { username: username('Its username') };

const statementSchema = s.object({
  account: s.username,
  name: s.name,
  month: s.name,
  timeZone: s.name,
  from: s.moment,
  to: s.moment,
  opening: s.money,
  calls: s.listOf(
    s.object({
      account: s.username,
      name: s.name,
      calls: s.whole,
      billedSeconds: s.whole,
      amount: s.money,
    }),
  ),
  entries: s.listOf(s.object({ id: s.name, kind: s.name, amount: s.money, createdAt: s.moment })),
  callsAmount: s.money,
  entriesAmount: s.money,
  closing: s.money,
});

const getStatement = route('GET /accounts/{username}/statements/{month}', 'getStatement', {
  summary: 'A month of a billing account: opening, calls by account, entries, closing',
  scope: 'balances:read',
  params: { ...A, month: text(entered.month, { description: 'A month', example: '2030-12' }) },
  answers: { 200: statementSchema },
  handle: async ({ service, params, now }) => {
    await requireBalance(service.db, params.username);
    if (new Date(`${params.month}-01T00:00:00Z`).getTime() > now.getTime() + 86_400_000) {
      throw new Problem(404, 'not_found', 'The month has not begun');
    }
    const { account, calls, entries, ...statement } = await monthlyStatement(
      service.db,
      params.username,
      params.month,
    );
    return ok({
      ...statement,
      account: String(account),
      calls: calls.map((row) => ({ ...row, account: String(row.account) })),
      entries: entries.map(({ id, lines, ...entry }) => ({
        id: String(id),
        ...entry,
        lines: lines.map(({ itemId: _, owner, ...line }) => ({ ...line, owner: String(owner) })),
      })),
    });
  },
});

export const statementRoutes = [getStatement];
