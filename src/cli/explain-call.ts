import { Argument, type Command } from 'commander';
import {
  type CallExplanation,
  type ExplainedCall,
  explainDialled,
} from '../domain/calls/call-explanation.ts';
import { toMicros } from '../domain/money.ts';
import { command, perform } from './operation.ts';
import { fields, moment, money, printable } from './print.ts';
import * as values from './values.ts';

interface ExplainOptions {
  account: number;
  feed?: string;
  at?: Date;
  seconds: number;
}

/** `calls explain`: the cost of a call, and the reason. */
export function explainCommand(group: Command): void {
  const on = command(
    group,
    'explain',
    'what a call would cost and why, step by step',
    'calls explain 02079460000 --feed pbx-gb --account 2345678901 --at 2030-12-01',
  )
    .addArgument(new Argument('<number>', 'as it is dialled'))
    .requiredOption('--account <username>', 'who calls', values.username)
    .option(
      '--feed <name>',
      'the switch, whose country says what the number means',
      values.feedName,
    )
    .option('--at <moment>', 'when the call starts; left out, now', values.from)
    .option(
      '--seconds <n>',
      'how long it talks',
      (text) => values.wholeNumber(text, 0, 86_400),
      60,
    );
  perform(on, async ({ db, config, clock }, typed: string, options: ExplainOptions) => {
    const { account, feed, at: startsAt = clock(), seconds } = options;
    const { emergencyNumbers } = config;
    const question = { typed, account, feed, startsAt, seconds, emergencyNumbers };
    const explained = await explainDialled(db, question);
    const asked = { account, startsAt, seconds };
    return { json: { ...asked, ...explained }, text: stepsOf(asked, explained) };
  });
}

function stepsOf(asked: { startsAt: Date; seconds: number }, explained: ExplainedCall): string {
  const { price, list, owner, feed } = explained;
  const country = explained.country
    ? `${explained.country}, of the account`
    : `${explained.feedCountry}, of ${feed ? `the feed ${feed}` : 'the service'}`;
  const blocked = explained.blocked.map(
    (block) => `${block.prefix} for ${block.account ?? 'everyone'}`,
  );
  return fields([
    ['Dialled', printable(explained.typed)],
    ['Country', country],
    ['Number', explained.number],
    ['Emergency', explained.emergency ? 'yes: always allowed, only its own price counts' : 'no'],
    ['Blocked', blocked.length > 0 ? `by ${blocked.join(', ')}` : 'no'],
    ['Owner', owner === null ? 'nobody' : owner],
    ['Direction', explained.incoming ? 'comes in to a number of the account: no list' : 'goes out'],
    ['Price list', list ?? 'none'],
    ['Prefixes', explained.candidates.join(', ') || 'none that fits'],
    ['Price', price ? priceText(price) : "none: the account's own rate"],
    ['Rate', `${money(explained.rate)} a minute, starts at ${moment(asked.startsAt)}`],
    ['Seconds', `${explained.minimumSeconds}/${explained.incrementSeconds}`],
    ['Highest rate', highestRate(explained)],
    ['Connection fee', money(explained.connectFee)],
    ['Minimum charge', money(explained.minimumCharge)],
    [
      'Cost',
      `${money(explained.amount)} for ${asked.seconds} s, billed as ${explained.billedSeconds} s` +
        (Number(explained.fee) > 0 ? `, ${money(explained.fee)} of it beside the seconds` : ''),
    ],
  ]);
}

function priceText({ prefix, name, validFrom, validUntil }: NonNullable<CallExplanation['price']>) {
  const time = [
    validFrom && `from ${moment(new Date(validFrom))}`,
    validUntil && `until ${moment(new Date(validUntil))}`,
  ].filter(Boolean);
  return [`${prefix}${name ? ` (${printable(name)})` : ''}`, ...time].join(', ');
}

function highestRate({ maxRate, rate, emergency }: ExplainedCall): string {
  if (maxRate === null) return 'any';
  const isRefused = toMicros(rate) > toMicros(maxRate) && !emergency;
  return `${money(maxRate)} a minute${isRefused ? ': authorize refuses the call' : ''}`;
}
