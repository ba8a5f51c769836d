import type { Command } from 'commander';
import { type AuditEntry, searchAudit } from '../domain/audit.ts';
import { readPage } from '../domain/page.ts';
import { notOffered, type Output, perform, withExample } from './operation.ts';
import { moment, moreAt, table } from './print.ts';
import * as values from './values.ts';

/** `audit`: pages of the audit trail, newest first. */
export function auditCommand(on: Command): void {
  withExample(on, 'audit --account 2345678901 --limit 20')
    .option('--account <username>', 'only what concerns this account', values.username)
    .addOption(values.limitOption(50))
    .option('--before <id>', 'start before this entry', values.recordId);
  const output = (entries: AuditEntry[], next: number | null): Output => {
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
  };
  perform(
    on,
    async ({ db }, options: { account?: number; limit: number; before?: number }) => {
      const { account, limit, before } = options;
      const { rows, next } = await readPage(
        limit,
        (limit) => searchAudit(db, { account }, { before, limit }),
        ({ id }) => id,
      );
      return output(rows, next);
    },
    async (remote, { account, limit, before }) => {
      if (before !== undefined) throw notOffered('--before');
      type Entry = Omit<AuditEntry, 'id' | 'at' | 'account'> &
        Record<'id' | 'at', string> & {
          account: string | null;
        };
      const only = account === undefined ? '' : `&account=${account}`;
      const path = `/audit-entries?limit=${limit}${only}`;
      const { data, next } = await remote.get<{ data: Entry[]; next: string | null }>(path);
      const entries = data.map(({ id, at, actor, origin, action, account: of, detail }) => ({
        ...{ id: Number(id), at: new Date(at), actor, origin, action },
        account: of === null ? null : Number(of),
        detail,
      }));
      return output(entries, next === null ? null : (entries.at(-1)?.id ?? null));
    },
  );
}
