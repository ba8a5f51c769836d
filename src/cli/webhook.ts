import { Argument, type Command, Option } from 'commander';
import {
  changeEndpoint,
  createEndpoint,
  type EndpointSettings,
  findEndpoint,
  type IssuedEndpoint,
  listEndpoints,
  removeEndpoint,
  rotateWebhookSecret,
  type WebhookEndpoint,
} from '../domain/webhook/endpoint.ts';
import { requireAllowed } from '../webhook/allowed-address.ts';
import { command, type Output, operator, performAnywhere, requireChange } from './operation.ts';
import { fields, moment, table } from './print.ts';
import * as values from './values.ts';
import { deliveryCommands, idArgument, PATH } from './webhook-deliveries.ts';

interface SettingOptions {
  url?: string;
  types?: string[];
  account?: number[];
  description?: string;
  disabled?: true;
  enabled?: true;
}

/**
 * `webhook`: the endpoints that get events, and their deliveries. A secret is printed this once.
 */
export function webhookCommands(group: Command): void {
  add(group);
  list(group);
  show(group);
  set(group);
  rotate(group);
  deliveryCommands(group);
  remove(group);
}

function withSettings(on: Command): Command {
  return on
    .option(
      '--types <list>',
      'types of events, groups such as account.*, or *; separated by commas',
      values.subscriptions,
    )
    .option(
      '--account <username...>',
      'only events of these billing accounts and those billed to them',
      values.usernames,
    )
    .option('--description <text>', 'what it is for', values.words)
    .option('--disabled', 'send nothing for now');
}

function add(group: Command): void {
  const on = withSettings(
    command(
      group,
      'add',
      'have events sent to a URL; the secret that signs them is shown this once',
      "webhook add https://crm.example.com/events --types 'account.*,ledger.posted'",
    ),
  ).addArgument(new Argument('<url>', 'https, at a public address or one of WEBHOOK_ALLOW'));
  const settingsOf = (url: string, options: SettingOptions) => {
    const { types = ['*'], account: accounts = [], description = '', disabled } = options;
    return { url, types, accounts, description, enabled: !disabled };
  };
  performAnywhere(
    on,
    async ({ db, keyring, config, clock }, url: string, options: SettingOptions) => {
      await requireAllowed(url, config.webhookAllow);
      const tools = { keyring, now: clock() };
      return createEndpoint(db, operator(), tools, settingsOf(url, options));
    },
    async (remote, url, options) => {
      const { description, ...settings } = settingsOf(url, options);
      const body = { ...settings, ...(description ? { description } : {}) };
      return issuedOf(await remote.change('POST', PATH, body));
    },
  )(issued);
}

function list(group: Command): void {
  const on = command(group, 'list', 'the endpoints, without their secrets', 'webhook list');
  performAnywhere(
    on,
    ({ db }) => listEndpoints(db),
    (remote) => remote.list<WebhookEndpoint>(PATH),
  )((endpoints) => ({
    json: { endpoints: endpoints.map(shown) },
    text: table(
      ['ID', 'URL', 'TYPES', 'STATE', '>WAITING', '>FAILED', 'LAST SUCCESS'],
      endpoints.map((endpoint) => [
        String(endpoint.id),
        endpoint.url,
        endpoint.types.join(' '),
        stateOf(endpoint),
        endpoint.waiting,
        endpoint.failed,
        moment(endpoint.lastSuccessAt, 'never'),
      ]),
      'No webhook.',
    ),
  }));
}

function show(group: Command): void {
  const on = command(group, 'show', 'an endpoint', 'webhook show 1').addArgument(idArgument());
  performAnywhere(
    on,
    ({ db }, id: number) => findEndpoint(db, id),
    (remote, id) => remote.read<WebhookEndpoint>(`${PATH}/${id}`),
  )(outputOf);
}

function set(group: Command): void {
  const on = withSettings(
    command(
      group,
      'set',
      'change an endpoint; one that is enabled again gets the events from then on',
      'webhook set 1 --enabled',
    ),
  )
    .addArgument(idArgument())
    .option('--url <url>', 'where events are sent from now on')
    .addOption(new Option('--enabled', 'send events again').conflicts('disabled'));
  requireChange(on);
  const changesOf = ({ account, enabled, disabled, ...options }: SettingOptions) => {
    const { url, types, description } = options;
    const switched = enabled ?? (disabled ? false : undefined);
    const given = { url, types, accounts: account, description, enabled: switched };
    return Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined),
    ) as Partial<EndpointSettings>;
  };
  performAnywhere(
    on,
    async ({ db, config, clock }, id: number, options: SettingOptions) => {
      const changes = changesOf(options);
      if (changes.url !== undefined) await requireAllowed(changes.url, config.webhookAllow);
      return changeEndpoint(db, operator(), { id, changes }, clock());
    },
    (remote, id, options) =>
      remote.change<WebhookEndpoint>('PATCH', `${PATH}/${id}`, changesOf(options)),
  )(outputOf);
}

function rotate(group: Command): void {
  const on = command(
    group,
    'rotate',
    'give an endpoint a new secret, which is shown this once; the one before signs as well for a while',
    'webhook rotate 1 --overlap-hours 24',
  )
    .addArgument(idArgument())
    .addOption(values.overlapOption());
  performAnywhere(
    on,
    ({ db, keyring, clock }, id: number, { overlapHours }: { overlapHours: number }) =>
      rotateWebhookSecret(db, operator(), { keyring, now: clock() }, { id, overlapHours }),
    async (remote, id, { overlapHours }) =>
      issuedOf(await remote.change('POST', `${PATH}/${id}/rotate-secret`, { overlapHours })),
  )(issued);
}

function remove(group: Command): void {
  const on = command(
    group,
    'remove',
    'send nothing to an endpoint any more, and forget its deliveries',
    'webhook remove 1',
  ).addArgument(idArgument());
  performAnywhere(
    on,
    ({ db, clock }, id: number) => removeEndpoint(db, operator(), { id }, clock()),
    (remote, id) => remote.change<void>('DELETE', `${PATH}/${id}`),
  )((_, id) => ({ json: { id: String(id) }, text: `Removed ${id}.` }));
}

/** A new secret as the operators' API tells it. */
function issuedOf({ secret, ...endpoint }: WebhookEndpoint & { secret: string }): IssuedEndpoint {
  return { endpoint, secret };
}

function issued({ endpoint, secret }: IssuedEndpoint): Output {
  const { json, text } = outputOf(endpoint);
  return {
    json: { ...json, secret },
    text: secret,
    note: `The secret is shown this once.\n${text}`,
  };
}

function outputOf(endpoint: WebhookEndpoint): Output & { json: object } {
  const text = fields([
    ['Id', String(endpoint.id)],
    ['URL', endpoint.url],
    ['Types', endpoint.types.join(' ')],
    ['Accounts', endpoint.accounts.join(' ') || 'all'],
    ['State', stateOf(endpoint)],
    ['Waiting', endpoint.waiting],
    ['Failed', endpoint.failed],
    ['Last success', moment(endpoint.lastSuccessAt, 'never')],
    ['Old secret', endpoint.previousUntil ? `until ${moment(endpoint.previousUntil)}` : '-'],
  ]);
  return { json: shown(endpoint), text };
}

/** The endpoint as the API shows it. */
function shown({ id, accounts, ...endpoint }: WebhookEndpoint) {
  return { id: String(id), ...endpoint, accounts: accounts.map(String) };
}

function stateOf({ enabled, disabledReason, failingSince }: WebhookEndpoint): string {
  if (!enabled) return disabledReason ? `disabled: ${disabledReason}` : 'disabled';
  return failingSince ? `failing since ${moment(failingSince)}` : 'good';
}
