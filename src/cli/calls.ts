import { isUtf8 } from 'node:buffer';
import { Argument, type Command } from 'commander';
import { dismissRejected } from '../domain/calls/rejected-record.ts';
import {
  countRejected,
  findRejected,
  listRejected,
  type RejectedSummary,
} from '../domain/calls/rejected-search.ts';
import { readPage } from '../domain/page.ts';
import { replayRejected } from '../ingest/replay.ts';
import type { OpenService } from '../open-service.ts';
import { importCommand } from './calls-import.ts';
import { explainCommand } from './explain-call.ts';
import { command, operator, perform } from './operation.ts';
import { count, moment, printable, table } from './print.ts';
import { withProgress } from './progress.ts';
import { rerate } from './rerate.ts';
import * as values from './values.ts';

/** `calls`: rejected records, calls from files, and calls priced again or explained. */
export function callsCommands(group: Command): void {
  rejected(group);
  replay(group);
  dismiss(group);
  rerate(group);
  importCommand(group);
  explainCommand(group);
}

function rejected(group: Command): void {
  const on = command(
    group,
    'rejected',
    'records that could not be billed, oldest first, and why',
    'calls rejected --limit 20 --raw',
  )
    .addOption(values.limitOption(50))
    .option('--after <id>', 'start after this record', values.recordId)
    .option('--raw', 'show what was sent, too');
  perform(on, async (service, options: { limit: number; after?: number; raw?: true }) => {
    const { limit, after = 0, raw } = options;
    const { rows: records, next } = await readPage(
      limit,
      (limit) => listRejected(service.db, { after, limit }),
      ({ id }) => id,
    );
    const open = await countRejected(service.db);
    if (records.length === 0) {
      return { json: { records, next, open }, text: 'No rejected record is open.' };
    }
    const lines = raw ? await withBytes(service, records) : undefined;
    const more = next ? `; more: add --after ${next}` : '';
    return {
      json: { records: lines?.map(({ json }) => json) ?? records, next, open },
      text: `${lines?.map(({ text }) => text).join('\n\n') ?? listing(records)}\n${open} open${more}`,
    };
  });
}

function listing(records: RejectedSummary[]): string {
  return table(
    ['ID', 'RECEIVED', 'FEED', 'FORMAT', 'REASON', 'DETAIL'],
    records.map(({ id, receivedAt, feed, format, reason, detail }) => [
      id,
      moment(receivedAt),
      feed,
      format,
      reason,
      detail,
    ]),
  );
}

/** JSON contains the exact bytes as base64 and, if they are text, the text too. */
async function withBytes({ db }: OpenService, records: RejectedSummary[]) {
  const shown: { json: object; text: string }[] = [];
  for (const record of records) {
    const raw = (await findRejected(db, record.id))?.raw ?? Buffer.alloc(0);
    const text = isUtf8(raw) ? raw.toString() : null;
    const { id, receivedAt, feed, format, reason, detail } = record;
    shown.push({
      json: { ...record, raw: text, rawBase64: raw.toString('base64') },
      text:
        `${id}  ${moment(receivedAt)}  ${printable(`${feed}  ${format}  ${reason}: ${detail}`)}\n` +
        `  ${printable(text ?? raw.toString('latin1'))}`,
    });
  }
  return shown;
}

function replay(group: Command): void {
  const on = command(
    group,
    'replay',
    'take rejected records in again, once the cause is gone',
    'calls replay 17 18',
  ).addArgument(
    recordIds('[id...]', 'records of `calls rejected`; all of them where none is given'),
  );
  perform(on, async ({ db, config, clock }, ids: number[], options: { json?: true }) => {
    const isNamed = ids.length > 0;
    const total = isNamed ? new Set(ids).size : await countRejected(db);
    const counts = await withProgress('records', total, options, (update) =>
      replayRejected(db, operator(), {
        now: clock(),
        retentionMonths: config.retentionMonths,
        emergencyNumbers: config.emergencyNumbers,
        ...(isNamed ? { ids } : {}),
        onProgress: ({ replayed }) => update(replayed),
      }),
    );
    const { replayed, resolved, rejected: remaining, stored, duplicates } = counts;
    return {
      json: counts,
      text:
        `Replayed ${count(replayed, 'record')}: ${resolved} resolved, ` +
        `${remaining} still rejected.\n` +
        `${count(stored, 'call')} stored, ${duplicates} there already.`,
    };
  });
}

function dismiss(group: Command): void {
  const on = command(
    group,
    'dismiss',
    'close rejected records that need not be billed; what was sent stays',
    "calls dismiss 17 18 --reason 'Test calls of the old PBX'",
  )
    .addArgument(recordIds('<id...>', 'records of `calls rejected`'))
    .requiredOption('--reason <text>', 'why; the record and the audit log keep it', values.words);
  perform(on, async ({ db, clock }, ids: number[], { reason }: { reason: string }) => {
    const dismissed = await dismissRejected(db, operator(), { ids, reason }, clock());
    const open = await countRejected(db);
    return {
      json: { dismissed, open },
      text: `Dismissed ${count(dismissed.length, 'record')}; ${open} open.`,
    };
  });
}

function recordIds(name: string, description: string): Argument {
  return new Argument(name, description).argParser(values.several(values.recordId));
}
