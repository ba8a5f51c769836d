import type { Command } from 'commander';
import { listAudit } from '../domain/audit.ts';
import { readPage } from '../domain/page.ts';
import { perform, withExample } from './operation.ts';
import { moment, moreAt, table } from './print.ts';
import * as values from './values.ts';

export function auditCommand(on: Command): void {
  withExample(on, 'audit --account 2345678901 --limit 20')
    .option('--account <username>', 'only what concerns this account', values.username)
    .addOption(values.limitOption(50))
    .option('--before <id>', 'start before this entry', values.recordId);
  perform(on, async ({ db }, options: { account?: number; limit: number; before?: number }) => {
    const { limit, ...page } = options;
    const { rows: entries, next } = await readPage(
      limit,
      (limit) => listAudit(db, { ...page, limit }),
      ({ id }) => id,
    );
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
    return {
      json: { entries, next },
      text: entries.length > 0 ? text + moreAt('--before', next) : 'Nothing was changed.',
    };
  });
}
