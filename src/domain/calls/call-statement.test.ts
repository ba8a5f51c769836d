import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { addCustomer, cloneCustomer, reportedCall } from '../../../test/support/calls.ts';
import { startService, type TestService } from '../../../test/support/service.ts';
import { Database } from '../../db/database.ts';
import { type ReportedCall, storeCalls } from './call.ts';

let api: TestService;
let db: Database;
before(async () => {
  api = await startService();
  // One connection delivers, so it has the prepared statement.
  db = new Database({ connection: { connectionString: api.env.DATABASE_URL }, poolSize: 1 });
});
after(async () => {
  await db.close();
  await api.stop();
});

/** A node of a plan that ran; all counts are means of its `Actual Loops`. */
interface PlanNode {
  'Actual Loops': number;
  'Actual Rows': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Join Filter'?: number;
  Plans?: PlanNode[];
}

function rowsVisited(node: PlanNode): number {
  const rows =
    node['Actual Rows'] +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Join Filter'] ?? 0);
  const below = (node.Plans ?? []).map(rowsVisited);
  return below.reduce((sum, count) => sum + count, rows * node['Actual Loops']);
}

/** SQL of a value of the statement. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  const text = value instanceof Date ? value.toISOString() : String(value);
  return pg.escapeLiteral(Array.isArray(value) ? `{${text}}` : text);
}

/**
 * Stores calls on the connection and by the plan that the service uses.
 * @returns by the name of each statement that ran, the rows that all parts of its plan read
 */
async function visitedBy(calls: ReportedCall[], now: Date): Promise<Record<string, number>> {
  const visited: Record<string, number> = {};
  const explaining = new Proxy(db, {
    get: (target, name) => {
      if (name !== 'deliver') return target[name as 'read'].bind(target);
      return async (...[statement = '', text, values]: Parameters<Database['deliver']>) => {
        await target.deliver(undefined, `PREPARE explained AS ${text}`, []);
        try {
          const [row] = await target.deliver<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
            undefined,
            `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON)
             EXECUTE explained (${values.map(literal).join(', ')})`,
            [],
          );
          const [plan] = row?.['QUERY PLAN'] ?? [];
          visited[statement] = plan ? rowsVisited(plan.Plan) : Number.NaN;
        } finally {
          await target.deliver(undefined, 'DEALLOCATE explained', []);
        }
        return [{ stored: null, warningsDue: false }];
      };
    },
  });
  await storeCalls(explaining, 'pbx1', calls, now);
  return visited;
}

const KINDS = [
  '',
  '-repeats',
  '-settles',
  '-repeats-settles',
  '-isLate',
  '-repeats-settles-isLate',
];

test('storing takes time in proportion to the balances, for each kind of batch', async () => {
  const first = await addCustomer(api, { cash: '100' });
  const now = api.service.clock();
  const small: Record<string, number> = {};
  for (const size of [60, 240]) {
    for (const kind of KINDS) {
      const accounts = await cloneCustomer(db, first, size);
      const settles = kind.includes('settles');
      const startedAt = new Date(now.getTime() - (kind.includes('isLate') ? 45 : 5) * 60_000);
      const calls = accounts.map((account) =>
        reportedCall({ account, startedAt, callId: settles ? `c-${account}` : undefined }),
      );
      if (kind.includes('repeats')) await storeCalls(db, 'pbx1', calls.slice(size / 2), now);
      await db.query(
        `INSERT INTO hold (billing_account, call_id, account, called, amount, granted_at, expires_at)
         SELECT u, 'c-' || u, u, '2125550123', 1, $2, $2 FROM unnest($1::bigint[]) u`,
        [accounts, now],
      );
      await db.query(
        `INSERT INTO call_sum_hour (billing_account, hour, complete, announced_at)
         SELECT u, date_trunc('hour', $2::timestamptz, 'UTC'), true, $2 FROM unnest($1::bigint[]) u`,
        [accounts, startedAt],
      );
      const visited = (await visitedBy(calls, now))[`store-calls${kind}`] ?? Number.NaN;
      if (size === 60) small[kind] = visited;
      else {
        const growth = visited / (small[kind] ?? 0);
        assert.ok(growth < 6, `${kind}: ${small[kind]} and ${visited} rows, ${growth}`);
      }
    }
  }
});
