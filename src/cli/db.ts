import type { Command } from 'commander';
import { distributionPlan } from '../db/distribution.ts';
import { audit } from '../domain/audit.ts';
import { command, operator, perform } from './operation.ts';
import { count } from './print.ts';

export function databaseCommands(group: Command): void {
  const distribute = command(
    group,
    'distribute',
    'spread calls, balances and ledger over the nodes of a PostgreSQL with Citus',
    'db distribute --dry-run',
  ).option('--dry-run', 'print the statements, and run none');
  perform(distribute, async ({ db, clock }, { dryRun }: { dryRun?: true }) => {
    const statements = await distributionPlan(db);
    if (dryRun) {
      return { json: { statements, run: false }, text: listing(statements) };
    }
    await db.transaction(async (tx) => {
      for (const statement of statements) await tx.query(statement);
      const detail = { statements };
      await audit(tx, operator(), { action: 'database distributed', detail }, clock());
    });
    return {
      json: { statements, run: true },
      text: statements.length > 0 ? `Ran ${count(statements.length, 'statement')}.` : listing([]),
    };
  });
}

function listing(statements: string[]): string {
  return statements.length > 0
    ? statements.map((statement) => `${statement};`).join('\n')
    : 'Everything is distributed already.';
}
