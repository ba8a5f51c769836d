import { Argument, type Command, Option } from 'commander';
import {
  addFeed,
  changeFeed,
  FEED_FORMATS,
  type Feed,
  type ListedFeed,
  listFeeds,
  removeFeed,
} from '../domain/calls/feed.ts';
import { DEFAULT_COUNTRY } from '../domain/numbering-plan.ts';
import { notedAddress } from '../service-address.ts';
import { command, operator, perform, performAnywhere, requireChange } from './operation.ts';
import { fields, moment, table } from './print.ts';
import * as values from './values.ts';

const nameArgument = () => new Argument('<name>', 'name of the switch').argParser(values.feedName);

/** `feed`: the switches and their credentials. A secret is printed this once. */
export function feedCommands(group: Command): void {
  add(group);
  set(group);
  list(group);
  remove(group);
}

function add(group: Command): void {
  const on = command(
    group,
    'add',
    'give a switch credentials to send calls and registrations with',
    'feed add pbx1 --format freeswitch --network 192.0.2.0/24',
  )
    .addArgument(nameArgument())
    .addOption(
      new Option('--format <format>', 'how it writes its calls')
        .choices(FEED_FORMATS)
        .makeOptionMandatory(),
    )
    .option(
      '--network <cidr...>',
      'where it may send from; left out, from anywhere',
      values.networks,
    )
    .addOption(
      new Option('--debits <who>', 'who takes the price of a call from the balance')
        .choices(['service', 'switch'])
        .default('service'),
    )
    .option(
      '--time-zone <name>',
      'of the times that it writes without a zone',
      values.timeZone,
      'UTC',
    )
    .option(
      '--country <code>',
      'where it dials, such as GB: what its numbers without a country code mean',
      values.country,
      DEFAULT_COUNTRY,
    );
  perform(
    on,
    async (
      { db, keyring, config, clock },
      name: string,
      options: Pick<Feed, 'format' | 'debits' | 'timeZone' | 'country'> & { network?: string[] },
    ) => {
      const { format, debits, timeZone, country, network = [] } = options;
      const feed = { name, format, debits, networks: network, timeZone, country };
      const secret = await addFeed(db, operator(), { keyring, now: clock() }, feed);
      const url = `${notedAddress(config)}/ingest/v1/calls/${format}`;
      const credentials = { user: name, secret };
      return {
        json: credentials,
        text: JSON.stringify(credentials),
        note:
          `Added ${name}. Its secret is shown this once. It delivers to:\n` +
          fields([
            ['Calls', url],
            ['Registrations', `${notedAddress(config)}/ingest/v1/registrations`],
          ]) +
          `\nTry it with an empty delivery:\n  curl -u '${name}:${secret}' --data '' ${url}`,
      };
    },
  );
}

function set(group: Command): void {
  const on = command(
    group,
    'set',
    'change where a switch dials, where it may send from or its time zone, for records from now on',
    'feed set pbx1 --country GB',
  )
    .addArgument(nameArgument())
    .option('--country <code>', 'where it dials, such as GB', values.country)
    .option('--network <cidr...>', 'where it may send from, in place of before', values.networks)
    .option('--time-zone <name>', 'of the times that it writes without a zone', values.timeZone);
  requireChange(on);
  performAnywhere(
    on,
    (
      { db, clock },
      name: string,
      { country, network: networks, timeZone }: Partial<Feed> & { network?: string[] },
    ) => changeFeed(db, operator(), { name, country, networks, timeZone }, clock()),
    (remote, name, { country, network: networks, timeZone }) =>
      remote.change<void>('PATCH', `/feeds/${name}`, { country, networks, timeZone }),
  )((_, name) => ({ json: { user: name }, text: `Changed ${name}.` }));
}

function list(group: Command): void {
  const on = command(group, 'list', 'the switches that may send', 'feed list');
  performAnywhere(
    on,
    ({ db }) => listFeeds(db),
    (remote) => remote.list<ListedFeed>('/feeds'),
  )((feeds) => ({
    json: { feeds: feeds.map(({ plan: _, ...feed }) => feed) },
    text: table(
      ['NAME', 'FORMAT', 'DEBITS', 'COUNTRY', 'TIME ZONE', 'NETWORKS', 'ADDED', 'LAST SEEN'],
      feeds.map((feed) => [
        feed.name,
        feed.format,
        feed.debits,
        feed.country ?? DEFAULT_COUNTRY,
        feed.timeZone,
        feed.networks.join(', ') || 'any',
        moment(feed.createdAt),
        moment(feed.lastSeenAt, 'never'),
      ]),
      'No feed.',
    ),
  }));
}

function remove(group: Command): void {
  const on = command(
    group,
    'remove',
    "refuse a switch's credentials from now on; its calls stay",
    'feed remove pbx1',
  ).addArgument(nameArgument());
  performAnywhere(
    on,
    ({ db, clock }, name: string) => removeFeed(db, operator(), name, clock()),
    (remote, name) => remote.change<void>('DELETE', `/feeds/${name}`),
  )((_, name) => ({ json: { user: name }, text: `Removed ${name}.` }));
}
