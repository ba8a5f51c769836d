import type { TokenPurpose } from '../domain/account/token.ts';
import { TOKEN_LIFE_SECONDS } from '../domain/account/token.ts';
import type {
  AddressedMessage,
  ChargeSummary,
  Message,
  Occurrence,
} from '../domain/mail/message.ts';
import type { Decimal } from '../domain/money.ts';
import { dayTime, money, monthName } from './format.ts';
import {
  fill,
  fillIn,
  type LetterContent,
  type Sender,
  type Speaker,
  type Wording,
} from './letter.ts';
import { letterHtml } from './letter-html.ts';
import { letterText } from './letter-text.ts';
import type { Label, LetterKind } from './texts.ts';

/** Unseals the token that a queued mail carries. */
export type OpenToken = (sealed: string, purpose: TokenPurpose) => Promise<string>;

/**
 * Writes the text of a message; its tokens are unsealed only now.
 * @param mail.name undefined: the address is not verified, and the mail contains no name
 */
export async function composeMail(
  sender: Sender,
  {
    name,
    timeZone = 'UTC',
    language,
    message,
  }: Omit<AddressedMessage, 'to' | 'name'> & {
    name: string | undefined;
  },
  openToken: OpenToken,
): Promise<Wording> {
  const kind = letterKind(message);
  const speaker = { ...sender, texts: sender.texts[language ?? sender.language] };
  const content = await contentOf({ ...speaker, timeZone, openToken }, message);
  const { common } = speaker.texts;
  const { username, usernames = '' } = content.values;
  const greeting = name === undefined ? common.greetingUnverified : common.greeting;
  const letter = fillIn(speaker, speaker.texts.letters[kind], greeting, {
    ...EMPTY,
    ...content,
    values: { ...content.values, name: name ?? username ?? usernames },
  });
  return {
    subject: letter.subject,
    text: letterText(speaker, letter),
    html: letterHtml(speaker, letter),
  };
}

function letterKind(message: Message): LetterKind {
  if (message.kind === 'daily limit') {
    return message.level === 100 ? 'daily limit reached' : 'daily limit near';
  }
  if (message.kind === 'confirm address') {
    return message.by === 'before' ? 'confirm old address' : 'confirm new address';
  }
  if (message.kind !== 'second factor') return message.kind;
  return message.on ? 'second factor on' : 'second factor off';
}

type Content = Partial<LetterContent> & Pick<LetterContent, 'values'>;
type Context = Speaker & { timeZone: string; openToken: OpenToken };

const EMPTY = { links: [], facts: [], bill: [] } satisfies Partial<LetterContent>;

async function contentOf(context: Context, message: Message): Promise<Content> {
  const { openToken, texts } = context;
  const { labels, locale } = texts.common;
  const inCurrency = (amount: Decimal) => money(amount, context.currency, locale);
  switch (message.kind) {
    case 'verification': {
      const values = {
        username: String(message.username),
        hours: String(TOKEN_LIFE_SECONDS.verification / 3_600),
      };
      const token = await openToken(message.token, 'verification');
      return { values, links: [link(context, 'verification', values, `verify?token=${token}`)] };
    }
    case 'recovery':
      return recovery(context, message.links);
    case 'account exists': {
      const values = { usernames: message.usernames.join(', ') };
      return { values, links: [link(context, 'account exists', values, 'sign-in')] };
    }
    case 'password changed':
    case 'key changed':
    case 'sip secret changed':
    case 'second factor':
      return change(context, message);
    case 'confirm address': {
      const { by, before, after } = message;
      const purpose = `address ${by}` as const;
      const values = {
        username: String(message.username),
        hours: String(TOKEN_LIFE_SECONDS[purpose] / 3_600),
        old: before,
        new: after,
      };
      const page = `confirm-address?by=${by}&token=${await openToken(message.token, purpose)}`;
      // A stranger may have chosen the old address for its words, and the new one is not verified.
      const shown = by === 'before' ? (['old', 'new'] as const) : (['new'] as const);
      return told(context, letterKind(message), values, { shown, page });
    }
    case 'address changed': {
      const { values, facts = [] } = change(context, message);
      const [account, ...rest] = facts;
      const addresses: [string, string][] = [
        [labels.oldAddress, message.before],
        [labels.newAddress, message.after],
      ];
      return {
        values: { ...values, old: message.before, new: message.after },
        facts: account ? [account, ...addresses, ...rest] : addresses,
      };
    }
    case 'low balance': {
      const values = {
        username: String(message.username),
        balance: inCurrency(message.cash),
        threshold: inCurrency(String(message.threshold)),
      };
      const shown = ['username', 'balance', 'threshold'] as const;
      return told(context, message.kind, values, { shown, page: 'overview' });
    }
    case 'calls stopped': {
      const values = { username: String(message.username), balance: inCurrency(message.cash) };
      const shown = ['username', 'balance'] as const;
      return told(context, message.kind, values, { shown, page: 'overview' });
    }
    case 'daily limit':
    case 'daily limit of a customer': {
      const values = {
        username: String(message.username),
        percent: String(message.level),
        spent: inCurrency(message.spent),
        limit: inCurrency(message.limit),
      };
      const ofStaff = `admin/accounts/${values.username}`;
      const page = message.kind === 'daily limit' ? 'overview' : ofStaff;
      const shown = ['username', 'spent', 'limit'] as const;
      return told(context, letterKind(message), values, { shown, page });
    }
    case 'unusual hour': {
      const values = {
        username: String(message.username),
        when: dayTime(new Date(message.hour), context.timeZone, locale),
        spent: inCurrency(message.spent),
        usual: inCurrency(message.usual),
      };
      const page = `admin/accounts/${values.username}`;
      return told(context, message.kind, values, { shown: ['username', 'spent', 'usual'], page });
    }
    case 'webhook failing':
    case 'webhook disabled': {
      const since = dayTime(new Date(message.since), context.timeZone, locale);
      const values = { url: message.url, since, error: message.error };
      const shown = ['url', 'since', 'error'] as const;
      return told(context, message.kind, values, { shown, page: 'admin/webhooks' });
    }
    case 'monthly charge': {
      const values = {
        username: String(message.username),
        month: monthName(message.month, locale),
        amount: inCurrency(message.amount),
        balance: inCurrency(message.cash),
      };
      return {
        values,
        bill: [
          ...message.lines.map((line): [string, string] => [
            chargeName(context, line, message.month),
            inCurrency(line.amount),
          ]),
          [labels.total, values.amount],
        ],
        facts: [[labels.balance, values.balance]],
        links: [link(context, 'monthly charge', values, 'charges')],
      };
    }
  }
}

// The labels of values that have another name.
const LABELS = { username: 'account', old: 'oldAddress', new: 'newAddress' } as const;
type Shown = Label | keyof typeof LABELS;

/** A mail with values, a list of some of them, and a link to a page. */
function told<Name extends string>(
  context: Context,
  kind: LetterKind,
  values: Record<Name, string>,
  { shown, page }: { shown: readonly (Name & Shown)[]; page: string },
): Content {
  const { labels } = context.texts.common;
  const named: Partial<Record<string, Label>> = LABELS;
  return {
    values,
    facts: shown.map((name) => [labels[named[name] ?? (name as Label)], values[name]]),
    links: [link(context, kind, values, page)],
  };
}

async function recovery(
  context: Context,
  links: { username: number; token: string }[],
): Promise<Content> {
  const minutes = String(TOKEN_LIFE_SECONDS.recovery / 60);
  return {
    values: { username: links.map(({ username }) => username).join(', '), minutes },
    links: await Promise.all(
      links.map(async ({ username, token }) => {
        const opened = await context.openToken(token, 'recovery');
        const values = { username: String(username), minutes };
        return link(context, 'recovery', values, `reset?token=${opened}`);
      }),
    ),
  };
}

/** A change of an account: what, when and from where. */
function change(
  { texts: { common }, timeZone }: Context,
  { username, at, address }: { username: number } & Occurrence,
): Content {
  const { labels, locale } = common;
  const values = {
    username: String(username),
    when: dayTime(new Date(at), timeZone, locale),
    where: address ?? labels.staff,
  };
  return {
    values,
    facts: [
      [labels.account, values.username],
      [labels.when, values.when],
      [labels.where, values.where],
    ],
  };
}

function link(
  { publicUrl, brand, texts }: Context,
  kind: LetterKind,
  values: Record<string, string>,
  page: string,
): { label: string; url: string } {
  const { button = '{portal}' } = texts.letters[kind];
  const label = fill(button, { ...values, brand: brand.name, portal: publicUrl });
  return { label, url: `${publicUrl}/${page}` };
}

function chargeName(
  { texts: { common } }: Context,
  { service, month, count }: ChargeSummary,
  charged: string,
): string {
  const { labels, locale } = common;
  const name = service ?? labels.numbers;
  const times = count > 1 ? ` × ${count}` : '';
  const part = fill(labels.part, { month: monthName(month, locale) });
  return `${name}${times}${month === charged ? '' : ` (${part})`}`;
}
