import { LANGUAGES } from '../../language.ts';
import { BILLINGS } from '../books/balance.ts';
import * as entered from '../entered-values.ts';

interface AccountSetting {
  /** the account's own row, or the balance of the account that pays */
  table: 'account' | 'balance';
  /** the column, if the setting has one column and its own name in the audit trail */
  column?: string;
  /** the columns, by their names in the audit trail, if the setting has several */
  columns?: Record<string, string>;
  /** Reads typed text. @throws InvalidValue */
  read: (text: string) => unknown;
  /** option of the command `account set`, with its value */
  option: string;
  help: string;
  /** how it is entered on a page; a tick is `on` or `off` */
  input: 'text' | 'digits' | 'money' | 'whole money' | 'tick' | 'choice';
  choices?: readonly string[];
  /** `none` removes the value; on a page an empty field does */
  isOptional?: true;
  /** makes one typed text from the texts of several columns */
  shown?: (texts: Record<string, string | null | undefined>) => string;
}

const limit = (text: string) => entered.wholeNumber(text, 0, 1_000_000);

/**
 * The settings of an account, by the name that the command, the pages and the audit trail use, in
 * the order of the operators' page. Only this list and the labels in `messages` name them.
 */
const ACCOUNT_SETTINGS = {
  name: {
    table: 'account',
    column: 'name',
    read: entered.accountName,
    option: '--name <text>',
    help: 'its name',
    input: 'text',
  },
  email: {
    table: 'account',
    column: 'email',
    read: entered.email,
    option: '--email <address>',
    help: 'its e-mail address',
    input: 'text',
  },
  externalId: {
    table: 'account',
    column: 'external_id',
    read: entered.orNone(entered.externalId),
    option: '--external-id <text>',
    help: 'the name that another system has for it, or none',
    input: 'text',
    isOptional: true,
  },
  rate: {
    table: 'account',
    column: 'rate',
    read: entered.rate,
    option: '--rate <amount>',
    help: 'price per minute',
    input: 'money',
  },
  increment: {
    table: 'account',
    columns: { minimumSeconds: 'minimum_seconds', incrementSeconds: 'increment_seconds' },
    read: entered.increment,
    option: '--increment <min/inc>',
    help: 'billed seconds: minimum/increment',
    input: 'text',
    shown: ({ minimumSeconds, incrementSeconds }) => `${minimumSeconds}/${incrementSeconds}`,
  },
  callerId: {
    table: 'account',
    column: 'caller_id',
    read: entered.callerId,
    option: '--caller-id <number>',
    help: "caller ID, '' or none to clear it",
    input: 'digits',
  },
  timeZone: {
    table: 'account',
    column: 'time_zone',
    read: entered.timeZone,
    option: '--time-zone <name>',
    help: 'such as Europe/Berlin',
    input: 'text',
  },
  country: {
    table: 'account',
    column: 'country',
    read: entered.orNone(entered.country),
    option: '--country <code>',
    help: 'where it dials, such as GB, or none: as its switch does',
    input: 'text',
    isOptional: true,
  },
  notifyThreshold: {
    table: 'account',
    column: 'notify_threshold',
    read: limit,
    option: '--notify-threshold <amount>',
    help: 'whole amount below which to mail',
    input: 'whole money',
  },
  priceList: {
    table: 'account',
    column: 'price_list',
    read: entered.orNone(entered.listName),
    option: '--price-list <name>',
    help: 'its rates by destination, or none',
    input: 'text',
    isOptional: true,
  },
  maxCalls: {
    table: 'account',
    column: 'max_calls',
    read: entered.orNone(limit),
    option: '--max-calls <n>',
    help: 'calls at once, or none for any number',
    input: 'digits',
    isOptional: true,
  },
  maxRate: {
    table: 'account',
    column: 'max_rate',
    read: entered.orNone(entered.rate),
    option: '--max-rate <amount>',
    help: 'highest price per minute that authorize allows, or none',
    input: 'money',
    isOptional: true,
  },
  dayLimit: {
    table: 'balance',
    column: 'day_limit',
    read: entered.orNone(entered.moneyOrMore),
    option: '--day-limit <amount>',
    help: 'what its calls may cost in a day of its time zone, or none',
    input: 'money',
    isOptional: true,
  },
  billing: {
    table: 'balance',
    column: 'billing',
    read: (text: string) => entered.oneOf(text, BILLINGS),
    option: '--billing <mode>',
    help: `${BILLINGS.join(' or ')}: calls go on when the balance is used up`,
    input: 'choice',
    choices: BILLINGS,
  },
  creditLimit: {
    table: 'balance',
    column: 'credit_limit',
    read: entered.orNone(entered.moneyOrMore),
    option: '--credit-limit <amount>',
    help: 'what a postpaid account may owe, or none',
    input: 'money',
    isOptional: true,
  },
  language: {
    table: 'account',
    column: 'language',
    read: entered.orNone((text) => entered.oneOf(text, LANGUAGES)),
    option: '--language <code>',
    help: `of its pages and mails: ${LANGUAGES.join(' or ')}, or none: as the browser asks`,
    input: 'choice',
    choices: LANGUAGES,
    isOptional: true,
  },
  notify: {
    table: 'account',
    column: 'notify',
    read: entered.onOff,
    option: '--notify <on|off>',
    help: 'mail at a low balance',
    input: 'tick',
  },
  showsBalance: {
    table: 'account',
    column: 'shows_balance',
    read: entered.onOff,
    option: '--shows-balance <on|off>',
    help: 'whether it sees the balance of the account that pays for it',
    input: 'tick',
  },
  enabled: {
    table: 'account',
    column: 'enabled',
    read: entered.onOff,
    option: '--enabled <on|off>',
    help: 'whether it may make calls',
    input: 'tick',
  },
} as const satisfies Record<string, AccountSetting>;

type Settings = typeof ACCOUNT_SETTINGS;
export type AccountSettingName = keyof Settings;

/** The values, each under the name of its column in the audit trail; null: no value. */
export type AccountSettings = {
  [Name in AccountSettingName as Settings[Name] extends { column: string }
    ? Name
    : never]: ReturnType<Settings[Name]['read']>;
} & ReturnType<Settings['increment']['read']>;

/** Changed settings; those of the balance only for an account that pays for itself. */
export type AccountChanges = Partial<AccountSettings>;

/** Settings as they were shown, each in PostgreSQL's text form; null: no value. */
export type ShownSettings = Partial<Record<keyof AccountChanges, string | null>>;

/** All settings, by name. */
export const SETTING_NAMES = Object.keys(ACCOUNT_SETTINGS) as AccountSettingName[];

/** How a setting is read, stored and entered. */
export function accountSetting(name: AccountSettingName): AccountSetting {
  return ACCOUNT_SETTINGS[name];
}

/** The columns of a setting, by their names in the audit trail. */
export function columnsOf(name: AccountSettingName): [keyof AccountChanges, string][] {
  const { column = '', columns = { [name]: column } } = accountSetting(name);
  return Object.entries(columns) as [keyof AccountChanges, string][];
}

/** Every column that `changeAccount` may change. */
export const SETTING_COLUMNS = SETTING_NAMES.flatMap((setting) =>
  columnsOf(setting).map(([name, column]) => ({
    name,
    table: accountSetting(setting).table,
    column,
  })),
);

/** SQL of all of them, of `account a` and its billing account's `balance b`. */
export const SETTINGS_SQL = SETTING_COLUMNS.map(
  ({ name, table, column }) => `${table === 'account' ? 'a' : 'b'}.${column} AS "${name}"`,
).join();

/** Reads what was typed for one setting. @throws InvalidValue */
export function readSetting(name: AccountSettingName, text: string): AccountChanges {
  const { columns, read } = accountSetting(name);
  return (columns ? read(text) : { [name]: read(text) }) as AccountChanges;
}
