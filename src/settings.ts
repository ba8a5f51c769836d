import { LANGUAGES } from './language.ts';

interface Rule<Value> {
  default: Value;
  description: string;
}

// Checked by a few lines of this file: loading a schema library takes longer than most commands.
const text = (rule: Rule<string> & { pattern?: string }) => ({
  type: 'string' as const,
  ...rule,
});
const whole = (rule: Rule<number> & { minimum: number; maximum?: number }) => ({
  type: 'integer' as const,
  ...rule,
});
const flag = (rule: Rule<boolean>) => ({ type: 'boolean' as const, ...rule });
const oneOf = <const Value extends string>(values: Value[], rule: Rule<Value>) => ({
  type: 'one of' as const,
  values,
  ...rule,
});
const AMOUNT_OR_NONE = '^([0-9]{1,12}(\\.[0-9]{1,6})?)?$';
const positive = (fallback: number, description: string, maximum = 2 ** 31) =>
  whole({ minimum: 1, maximum, default: fallback, description });
const port = (fallback: number, description: string) =>
  whole({ minimum: 0, maximum: 65535, default: fallback, description });
const anHour = (fallback: number, description: string) =>
  whole({ minimum: 0, default: fallback, description });
const postgres = (description: string) =>
  text({ default: '', pattern: '^(postgres(ql)?://.+)?$', description });

// The embedded database has enough connections for this many workers.
const MOST_WORKERS = 16;

/** Every setting, in the order in which `docs/operating.md` lists them. */
export const SETTINGS = {
  PORT: port(8080, 'TCP port'),
  HOST: text({ default: '127.0.0.1', description: 'address to listen on' }),
  METRICS_PORT: port(0, 'TCP port for /metrics alone; 0: on PORT with all else'),
  DATA_DIR: text({ default: './data', description: 'data folder' }),
  DATABASE_URL: postgres("a PostgreSQL of one's own instead of the embedded one"),
  DATABASE_DIRECT_URL: postgres('the same PostgreSQL past a pooler, for migrations and jobs'),
  DATABASE_READ_URL: postgres(
    'a replica of it, from which calls are read for cdr, downloads and plots',
  ),
  REPLICA_LAG_SECONDS: positive(10, 'a replica further behind is not read from', 3_600),
  COPY_WAIT_SECONDS: positive(
    5,
    'a change that waits longer for a synchronous standby is answered 503, and so are others until it comes',
    3_600,
  ),
  DATABASE_PREPARED: flag({
    default: true,
    description: 'prepare statements; false for a pooler that hands out transactions',
  }),
  DATABASE_POOL: positive(10, 'database connections of one process', 1000),
  LIMITS_URL: text({
    default: '',
    pattern: '^(rediss?://.+)?$',
    description: 'a Valkey or Redis that counts requests for the limits, instead of the database',
  }),
  WORKERS: positive(1, 'processes that answer requests', MOST_WORKERS),
  PUBLIC_URL: text({
    default: '',
    pattern: '^(https?://[^\\s?#]+)?$',
    description: 'where customers reach the service; links in mails start with it',
  }),
  SECRET_KEY_FILE: text({ default: '', description: 'file that holds the sealing key' }),
  SMTP_URL: text({
    default: '',
    pattern: '^(smtps?://.+)?$',
    description: 'mail server; without it mails are written as .eml files',
  }),
  MAIL_FROM: text({
    default: '',
    pattern: '^[^\\r\\n]*$',
    description: 'sender of the mails',
  }),
  LANGUAGE: oneOf([...LANGUAGES], {
    default: 'en',
    description: 'of mails and pages where neither account nor browser asks for another: en or de',
  }),
  BRAND_NAME: text({
    default: 'Account API',
    pattern: '^[^\\r\\n]*$',
    description: 'name shown in mails and pages',
  }),
  BRAND_LOGO_FILE: text({
    default: '',
    description: 'logo shown in mails and pages: PNG, JPEG, GIF, or SVG for the pages alone',
  }),
  BRAND_COLOR: text({
    default: '#1d4ed8',
    pattern: '^#[0-9a-fA-F]{6}$',
    description: 'colour of buttons and links, such as #1d4ed8',
  }),
  BRAND_COLOR_DARK: text({
    default: '',
    pattern: '^(#[0-9a-fA-F]{6})?$',
    description: 'the same on dark pages; made from BRAND_COLOR where it is not set',
  }),
  SUPPORT_EMAIL: text({
    default: '',
    pattern: '^([^\\s@]+@[^\\s@]+)?$',
    description: 'address that customers are told to write to',
  }),
  SUPPORT_URL: text({
    default: '',
    pattern: '^(https?://\\S+)?$',
    description: 'page that customers are told to look at for help',
  }),
  HOW_TO_PAY: text({
    default: '',
    pattern: '^[^\\u0000-\\u001f]{0,500}$',
    description:
      'how customers pay, shown while calls wait for a payment: a text, or the address of a page, in which {username} stands for the account',
  }),
  MAIL_TEXTS_FILE: text({
    default: '',
    description: 'JSON file of texts to use in mails instead of the built-in ones',
  }),
  ADMIN_EMAIL: text({
    default: 'administrator@example.net',
    description: 'address of the administrator that the first start creates',
  }),
  TRUST_PROXY: text({
    default: '',
    description: 'CIDRs of the proxies that are believed who their client is, comma separated',
  }),
  FORWARDED_HEADER: oneOf(['x-forwarded-for', 'forwarded'], {
    default: 'x-forwarded-for',
    description: 'header in which they tell it; forwarded is that of RFC 7239',
  }),
  CORS_ORIGINS: text({
    default: '',
    description: 'origins that browsers may call the API from, comma separated',
  }),
  RATE_LIMIT_PER_HOUR: anHour(
    6,
    'cdr, info, mrc, apikey: requests an hour for each address and operation',
  ),
  SIGNUP_LIMIT_PER_HOUR: anHour(20, 'signup: requests an hour for each address'),
  RECOVER_LIMIT_PER_HOUR: anHour(20, 'recover: requests an hour for each address'),
  SIGN_IN_FAILURES_PER_HOUR: anHour(
    100,
    'apikey: wrong passwords an hour for each account, wherever they come from',
  ),
  OPERATOR_LIMIT_PER_MINUTE: positive(
    600,
    "operators' API: requests a minute of each key and process",
    1_000_000,
  ),
  EVENT_DAYS: positive(30, 'days that events and their deliveries are kept', 365),
  WEBHOOK_ALLOW: text({
    default: '',
    description:
      'host names and CIDRs that webhooks may reach although they are private, also by http; comma separated',
  }),
  RECOVERY_DISCLOSES: flag({
    default: false,
    description: 'recover answers 404 for an unknown address',
  }),
  CURRENCY: text({
    default: 'USD',
    pattern: '^[A-Z]{3}$',
    description: 'of all money, by its code in ISO 4217; fixed once anything was posted',
  }),
  DEFAULT_RATE: text({
    default: '0.0075',
    pattern: '^[0-9]{1,6}(\\.[0-9]{1,6})?$',
    description: "a new account's rate per minute",
  }),
  DAY_LIMIT_NEW: text({
    default: '',
    pattern: AMOUNT_OR_NONE,
    description:
      'what calls may cost in a day of an account in its first 30 days; empty: any amount',
  }),
  MAX_RATE_NEW: text({
    default: '',
    pattern: '^([0-9]{1,6}(\\.[0-9]{1,6})?)?$',
    description: 'highest rate per minute of an account in its first 30 days; empty: any',
  }),
  UNUSUAL_HOUR: text({
    default: '20',
    pattern: AMOUNT_OR_NONE,
    description:
      "administrators are told of an account's hour of calls that costs so much and five times its usual hour; empty: never",
  }),
  PRORATE_CHARGES: flag({
    default: false,
    description: 'parts of a month are charged, and given back, with the next monthly charge',
  }),
  SIP_REALM: text({
    default: '',
    pattern: '^[A-Za-z0-9.-]*$',
    description: "the SIP servers' digest realm, a host name; left out, that of PUBLIC_URL",
  }),
  REGISTRATION_URI: oneOf(['contact', 'received'], {
    default: 'contact',
    description: "which address registration shows: the phone's own, or where it was seen",
  }),
  INGEST_BODY_LIMIT: positive(16 * 1024 * 1024, 'largest body a feed may send, in bytes'),
  INGEST_UNPACKED_LIMIT: positive(64 * 1024 * 1024, 'its largest unpacked size, in bytes'),
  HOLD_SECONDS: positive(600, 'longest time of a call that authorize allows at once', 86_400),
  HOLDS_ON_DISK: flag({
    default: true,
    description:
      'authorize answers once a hold is on the disk; false: without that wait, 1.2 to 2 times the ' +
      'answers where it is long, and a PostgreSQL that crashes forgets the last ones',
  }),
  EMERGENCY_NUMBERS: text({
    default: '911 112 933 999',
    pattern: '^[0-9]{2,7}([ ,]+[0-9]{2,7})*$',
    description: 'authorize allows these before every other rule, at rate 0',
  }),
  FREE_CALLS: flag({
    default: true,
    description:
      'authorize allows destinations that a list has at rate 0 while the balance is used up',
  }),
  VERIFIED_CALLS_ONLY: flag({
    default: false,
    description: 'authorize refuses calls of accounts that are not verified',
  }),
  RETENTION_MONTHS: positive(
    24,
    'whole months that calls are kept; earlier ones are deleted, and rejected when they come',
    1200,
  ),
  ARCHIVE_CALLS: flag({
    default: false,
    description: 'months beyond RETENTION_MONTHS are deleted only once archive write has them',
  }),
  API_WRITES: flag({
    default: true,
    description: 'PUT /v2.2/account changes settings with a key; false: it answers 403',
  }),
  CALLER_ID_ANY: flag({
    default: false,
    description: 'customers set any caller ID, not only numbers of their account',
  }),
  SESSION_IDLE_MINUTES: positive(
    120,
    'a portal session ends when it was not used for so long',
    5_256_000,
  ),
  SESSION_LIFETIME_HOURS: positive(168, 'a portal session ends so long after signing in', 87_600),
  ADMIN_SECOND_FACTOR: flag({
    default: false,
    description: 'the staff has to set a second factor up before anything else',
  }),
  STEP_UP_AMOUNT: text({
    default: '100',
    pattern: '^[0-9]{1,12}(\\.[0-9]{1,6})?$',
    description: 'whoever posts more than this amount in the portal gives the password once more',
  }),
  SECURITY_CONTACT: text({
    default: '',
    description:
      'where weaknesses are reported, as /.well-known/security.txt tells: mailto: or https: addresses, comma separated',
  }),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'least level that is logged',
  }),
};

/** The values of the settings, as read from the environment or `.env`. */
export type Settings = {
  [Name in keyof typeof SETTINGS]: (typeof SETTINGS)[Name]['default'];
};

/** A setting has a value that is not allowed; the message is one line with its name. */
export class WrongSetting extends Error {}

/**
 * @param texts the given values, by the names of the settings; other names are ignored
 * @throws WrongSetting for the first wrong one
 */
export function readSettings(texts: Record<string, string>): Settings {
  const values = Object.entries(SETTINGS).map(([name, rule]) => {
    const text = texts[name];
    if (text === undefined) return [name, rule.default];
    const requirement = requirementMissed(rule, text);
    if (requirement) throw new WrongSetting(`${name} must ${requirement} (${rule.description})`);
    if (rule.type === 'integer') return [name, Number(text)];
    return [name, rule.type === 'boolean' ? text === 'true' : text];
  });
  return Object.fromEntries(values);
}

/** @returns the requirement that the text does not meet */
function requirementMissed(
  rule: (typeof SETTINGS)[keyof typeof SETTINGS],
  text: string,
): string | undefined {
  switch (rule.type) {
    case 'integer': {
      const { minimum, maximum = Number.MAX_SAFE_INTEGER } = rule;
      const fits = /^-?\d+$/.test(text) && Number(text) >= minimum && Number(text) <= maximum;
      if (fits) return undefined;
      return `be a whole number from ${minimum}${rule.maximum === undefined ? '' : ` to ${maximum}`}`;
    }
    case 'boolean':
      return text === 'true' || text === 'false' ? undefined : 'be true or false';
    case 'one of': {
      const values: string[] = rule.values;
      return values.includes(text) ? undefined : `be one of ${values.join(', ')}`;
    }
    default:
      if (rule.pattern === undefined || new RegExp(rule.pattern).test(text)) return undefined;
      return `match ${rule.pattern}`;
  }
}
