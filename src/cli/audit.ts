import type { Command } from 'commander';
import { listAudit } from '../domain/audit.ts';
import { perform, withExample } from './operation.ts';
import { moment, table } from './print.ts';
import * as values from './values.ts';

export function auditCommand(on: Command): void {
  withExample(on, 'audit --account 2345678901 --limit 20')
    .option('--account <username>', 'only what concerns this account', values.username)
    .addOption(values.limitOption(50))
    .option('--before <id>', 'start before this entry', values.recordId);
  perform(on, async ({ db }, options: { account?: number; limit: number; before?: number }) => {
    const { limit, ...page } = options;
    const found = await listAudit(db, { ...page, limit: limit + 1 });
    const entries = found.slice(0, limit);
    const next = found.length > limit ? (entries.at(-1)?.id ?? null) : null;
    const text = table(
      ['ID', 'AT', 'BY', 'FROM', 'ACTION', 'ACCOUNT', 'DETAIL'],
      entries.map(({ id, at, actor, origin, action, account, detail }) => [
        id,
        moment(at),
        actor,
        origin,
        action,
        account ?? '-',
        JSON.stringify(detail),
      ]),
    );
    const more = next ? `\nMore: add --before ${next}` : '';
    return {
      json: { entries, next },
      text: entries.length > 0 ? text + more : 'Nothing was changed.',
    };
  });
}
