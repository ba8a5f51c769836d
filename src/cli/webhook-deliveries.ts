import { Argument, type Command } from 'commander';
import { readPage } from '../domain/page.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Outcome } from '../domain/webhook/delivery.ts';
import { findEndpoint } from '../domain/webhook/endpoint.ts';
import { listDeliveries, replayEvents, type WebhookDelivery } from '../domain/webhook/replay.ts';
import { systemResolve } from '../webhook/allowed-address.ts';
import { command, notOffered, operator, performAnywhere } from './operation.ts';
import { moment, moreAt, table } from './print.ts';
import * as values from './values.ts';

export const PATH = '/webhook-endpoints';

/** An endpoint's id, as `webhook list` shows it. */
export const idArgument = () => new Argument('<id>', 'from the list').argParser(values.recordId);

/** The commands of an endpoint's deliveries: try it out, list what failed, send events again. */
export function deliveryCommands(group: Command): void {
  tryOut(group);
  failed(group);
  replay(group);
}

function tryOut(group: Command): void {
  const on = command(
    group,
    'test',
    'send webhook.test now and print the answer; status 1 where it is not accepted',
    'webhook test 1',
  ).addArgument(idArgument());
  performAnywhere(
    on,
    async (service, id: number) => {
      const { url } = await findEndpoint(service.db, id);
      const { sendTest } = await import('../webhook/send.ts');
      const tools = { ...service, allow: service.config.webhookAllow, resolve: systemResolve };
      return sendTest(tools, { id, url });
    },
    (remote, id) => remote.change<Outcome>('POST', `${PATH}/${id}/test`),
  )(({ status, error, tookMs, reply }) => {
    const text = `${error ?? `status ${status}`} after ${tookMs} ms`;
    return { json: { status, error, tookMs, reply }, text, failed: error !== null };
  });
}

function failed(group: Command): void {
  const on = command(
    group,
    'failed',
    'events that were given up for an endpoint, newest first',
    'webhook failed 1 --limit 20',
  )
    .addArgument(idArgument())
    .addOption(values.limitOption(50))
    .option('--before <number>', 'start before this event', values.recordId);
  const pageOf = (limit: number, read: (limit: number) => Promise<WebhookDelivery[]>) =>
    readPage(limit, read, ({ sequence }) => sequence);
  performAnywhere(
    on,
    async ({ db }, id: number, options: { limit: number; before?: number }) => {
      const { limit: most, before } = options;
      await findEndpoint(db, id);
      return pageOf(most, (limit) =>
        listDeliveries(db, id, { states: ['failed'] }, { before, limit }),
      );
    },
    async (remote, id, { limit: most, before }) => {
      if (before !== undefined) throw notOffered('--before');
      const path = `${PATH}/${id}/deliveries?state=failed`;
      return pageOf(most, (limit) => remote.list(path, limit));
    },
  )(({ rows: deliveries, next }) => ({
    json: { deliveries, next },
    text:
      table(
        ['>EVENT', 'TYPE', '>TRIES', 'LAST TRY', 'LAST FAILURE'],
        deliveries.map(({ sequence, type, tries, triedAt, error }) => [
          sequence,
          type,
          tries,
          moment(triedAt, 'never'),
          error ?? '-',
        ]),
        'Nothing was given up.',
      ) + moreAt('--before', next),
  }));
}

interface ReplayOptions {
  after?: number;
  until?: number;
  types?: string[];
  failedSince?: Date;
}

function replay(group: Command): void {
  const on = command(
    group,
    'replay',
    'send events again: those of a range, or those given up since a time',
    'webhook replay 1 --failed-since 2030-12-31',
  )
    .addArgument(idArgument())
    .option('--after <number>', 'the event before the range', values.eventNumber)
    .option('--until <number>', 'the last event of the range', values.eventNumber)
    .option('--types <list>', 'only these, separated by commas', values.eventTypes)
    .option('--failed-since <when>', 'instead: events given up since then', values.from);
  on.hook('preAction', () => {
    const { after, failedSince } = on.opts<ReplayOptions>();
    if ((after === undefined) === (failedSince === undefined)) {
      throw new Refusal('malformed', 'give --after or --failed-since');
    }
  });
  performAnywhere(
    on,
    ({ db, clock }, id: number, { after, until, types, failedSince }: ReplayOptions) => {
      const wanted = { endpoint: id, after, until, types, failedSince };
      return replayEvents(db, operator(), wanted, { now: clock() });
    },
    async (remote, id, { after, until, types, failedSince }) => {
      const path = `${PATH}/${id}/replay`;
      const body = { after, until, types, failedSince };
      return (await remote.work<{ events: number }>(path, body)).events;
    },
  )((events, id) => ({
    json: { id: String(id), events },
    text: events === 1 ? '1 event is sent again.' : `${events} events are sent again.`,
  }));
}
