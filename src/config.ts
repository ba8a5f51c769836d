import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import envSchema from 'env-schema';
import ipaddr from 'ipaddr.js';
import { type Brand, brandColors, readLogo } from './brand.ts';

/** A setting has a wrong value; the message is one line that names it. */
export class ConfigError extends Error {}

interface Rule<Value> {
  default: Value;
  description: string;
}

// The JSON Schema of one setting each, written out: a schema library takes longer to load than most
// commands to run.
const text = (rule: Rule<string> & { minLength?: number; pattern?: string }) => ({
  type: 'string' as const,
  ...rule,
});
const whole = (rule: Rule<number> & { minimum: number; maximum?: number }) => ({
  type: 'integer' as const,
  ...rule,
});
const flag = (rule: Rule<boolean>) => ({ type: 'boolean' as const, ...rule });
const oneOf = <const Value extends string>(values: Value[], rule: Rule<Value>) => ({
  enum: values,
  ...rule,
});
const positive = (fallback: number, description: string, maximum = 2 ** 31) =>
  whole({ minimum: 1, maximum, default: fallback, description });

// The embedded database has room for the connections of these.
const MOST_WORKERS = 16;

/** Every setting, in the order in which `docs/operating.md` lists them. */
const SETTINGS = {
  PORT: whole({ minimum: 0, maximum: 65535, default: 8080, description: 'TCP port' }),
  HOST: text({ default: '127.0.0.1', description: 'address to listen on' }),
  DATA_DIR: text({ minLength: 1, default: './data', description: 'data folder' }),
  DATABASE_URL: text({
    default: '',
    pattern: '^(postgres(ql)?://.+)?$',
    description: "a PostgreSQL of one's own instead of the embedded one",
  }),
  DATABASE_DIRECT_URL: text({
    default: '',
    pattern: '^(postgres(ql)?://.+)?$',
    description: 'the same PostgreSQL past a pooler, for migrations and jobs',
  }),
  DATABASE_READ_URL: text({
    default: '',
    pattern: '^(postgres(ql)?://.+)?$',
    description: 'a replica of it, from which calls are read for cdr, downloads and plots',
  }),
  REPLICA_LAG_SECONDS: positive(10, 'a replica further behind is not read from', 3_600),
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
  BRAND_NAME: text({
    default: 'Account API',
    minLength: 1,
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
    description: 'CIDRs of the proxies whose X-Forwarded-For is believed, comma separated',
  }),
  CORS_ORIGINS: text({
    default: '',
    description: 'origins that browsers may call the API from, comma separated',
  }),
  RATE_LIMIT_PER_HOUR: whole({
    minimum: 0,
    default: 6,
    description: 'cdr, info, mrc, apikey: requests an hour for each address and operation',
  }),
  SIGNUP_LIMIT_PER_HOUR: whole({
    minimum: 0,
    default: 20,
    description: 'signup: requests an hour for each address',
  }),
  RECOVER_LIMIT_PER_HOUR: whole({
    minimum: 0,
    default: 20,
    description: 'recover: requests an hour for each address',
  }),
  SIGN_IN_FAILURES_PER_HOUR: whole({
    minimum: 0,
    default: 100,
    description: 'apikey: wrong passwords an hour for each account, wherever they come from',
  }),
  RECOVERY_DISCLOSES: flag({
    default: false,
    description: 'recover answers 404 for an unknown address',
  }),
  DEFAULT_RATE: text({
    default: '0.0075',
    pattern: '^[0-9]{1,6}(\\.[0-9]{1,6})?$',
    description: "a new account's rate in dollars per minute",
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
  VERIFIED_CALLS_ONLY: flag({
    default: false,
    description: 'authorize refuses calls of accounts that are not verified',
  }),
  RETENTION_MONTHS: positive(
    24,
    'whole months that calls are kept; earlier ones are deleted, and set aside when they come',
    1200,
  ),
  SESSION_IDLE_MINUTES: positive(120, 'a portal session ends when it was not used for so long'),
  SESSION_LIFETIME_HOURS: positive(168, 'a portal session ends so long after signing in'),
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

export const SettingsSchema = { type: 'object', properties: SETTINGS };

type Settings = {
  [Name in keyof typeof SETTINGS]: (typeof SETTINGS)[Name]['default'];
};

export interface Config {
  port: number;
  host: string;
  dataDir: string;
  databaseUrl: string | undefined;
  /** where `databaseUrl` is a pooler's, the database behind it */
  databaseDirectUrl: string | undefined;
  databaseReadUrl: string | undefined;
  /** how far behind the replica may be */
  replicaLagSeconds: number;
  databasePrepared: boolean;
  databasePool: number;
  limitsUrl: string | undefined;
  workers: number;
  /** without a slash at the end; undefined: derived from the address that is listened on */
  publicUrl: string | undefined;
  secretKeyFile: string | undefined;
  smtpUrl: string | undefined;
  mailFrom: string;
  brand: Brand;
  mailTextsFile: string | undefined;
  adminEmail: string;
  trustProxy: string[];
  corsOrigins: string[];
  rateLimitPerHour: number;
  signupLimitPerHour: number;
  recoverLimitPerHour: number;
  signInFailuresPerHour: number;
  recoveryDiscloses: boolean;
  /** dollars per minute, a decimal string */
  defaultRate: string;
  sipRealm: string;
  registrationUri: Settings['REGISTRATION_URI'];
  prorateCharges: boolean;
  ingestBodyLimitBytes: number;
  ingestUnpackedLimitBytes: number;
  holdSeconds: number;
  verifiedCallsOnly: boolean;
  retentionMonths: number;
  /** of portal sessions */
  sessionLife: { idleSeconds: number; absoluteSeconds: number };
  /** none: there is no security.txt */
  securityContacts: string[];
  logLevel: Settings['LOG_LEVEL'];
}

/**
 * Reads the settings from the environment and, for what is not set there, from the file `.env` of
 * the working folder.
 * @param given settings that go before both
 * @throws ConfigError naming the setting that is wrong
 */
export function loadConfig(
  env: NodeJS.ProcessEnv = process.env,
  given: Record<string, string> = {},
): Config {
  let settings: Settings;
  try {
    settings = envSchema<Settings>({
      schema: SettingsSchema,
      env: false,
      dotenv: true,
      data: [withoutEmpty({ ...env, ...given })],
    });
  } catch (error) {
    throw new ConfigError(describeInvalid(error));
  }
  if (settings.DATABASE_READ_URL && !settings.DATABASE_URL) {
    throw new ConfigError('DATABASE_READ_URL needs DATABASE_URL, of which it names a replica');
  }
  const publicUrl = settings.PUBLIC_URL.replace(/\/+$/, '');
  return {
    port: settings.PORT,
    host: settings.HOST,
    dataDir: resolve(settings.DATA_DIR),
    databaseUrl: settings.DATABASE_URL || undefined,
    databaseDirectUrl: settings.DATABASE_DIRECT_URL || undefined,
    databaseReadUrl: settings.DATABASE_READ_URL || undefined,
    replicaLagSeconds: settings.REPLICA_LAG_SECONDS,
    databasePrepared: settings.DATABASE_PREPARED,
    databasePool: settings.DATABASE_POOL,
    limitsUrl: settings.LIMITS_URL || undefined,
    workers: settings.WORKERS,
    publicUrl: publicUrl || undefined,
    secretKeyFile: settings.SECRET_KEY_FILE ? resolve(settings.SECRET_KEY_FILE) : undefined,
    smtpUrl: settings.SMTP_URL || undefined,
    mailFrom: settings.MAIL_FROM || defaultSender(publicUrl, settings.BRAND_NAME),
    brand: readBrand(settings),
    mailTextsFile: settings.MAIL_TEXTS_FILE || undefined,
    adminEmail: settings.ADMIN_EMAIL,
    trustProxy: cidrs('TRUST_PROXY', settings.TRUST_PROXY),
    corsOrigins: origins('CORS_ORIGINS', settings.CORS_ORIGINS),
    rateLimitPerHour: settings.RATE_LIMIT_PER_HOUR,
    signupLimitPerHour: settings.SIGNUP_LIMIT_PER_HOUR,
    recoverLimitPerHour: settings.RECOVER_LIMIT_PER_HOUR,
    signInFailuresPerHour: settings.SIGN_IN_FAILURES_PER_HOUR,
    recoveryDiscloses: settings.RECOVERY_DISCLOSES,
    defaultRate: settings.DEFAULT_RATE,
    sipRealm: settings.SIP_REALM || hostOf(publicUrl) || 'localhost',
    registrationUri: settings.REGISTRATION_URI,
    prorateCharges: settings.PRORATE_CHARGES,
    ingestBodyLimitBytes: settings.INGEST_BODY_LIMIT,
    ingestUnpackedLimitBytes: settings.INGEST_UNPACKED_LIMIT,
    holdSeconds: settings.HOLD_SECONDS,
    verifiedCallsOnly: settings.VERIFIED_CALLS_ONLY,
    retentionMonths: settings.RETENTION_MONTHS,
    sessionLife: {
      idleSeconds: settings.SESSION_IDLE_MINUTES * 60,
      absoluteSeconds: settings.SESSION_LIFETIME_HOURS * 3_600,
    },
    securityContacts: contacts('SECURITY_CONTACT', settings.SECURITY_CONTACT),
    logLevel: settings.LOG_LEVEL,
  };
}

/** Settings given on the command line of the service. @throws ConfigError for any other argument */
export function readArguments(args: string[]): Record<string, string> {
  try {
    const { values } = parseArgs({ args, options: { workers: { type: 'string' } } });
    return values.workers === undefined ? {} : { WORKERS: values.workers };
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}; the service takes --workers N`);
  }
}

/** A variable set to nothing counts as not set, as operators expect of `PORT= npm start`. */
function withoutEmpty(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
}

function describeInvalid(error: unknown): string {
  const errors = (error as { errors?: { instancePath: string; message?: string }[] }).errors;
  const first = errors?.[0];
  if (!first) return `the settings cannot be read: ${(error as Error).message}`;
  const name = first.instancePath.slice(1).split('/')[0] ?? '';
  const meaning = (SETTINGS as Record<string, { description: string } | undefined>)[name];
  return `${name} ${first.message} (${meaning?.description ?? 'a setting'})`;
}

function list(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
}

function cidrs(name: string, value: string): string[] {
  for (const item of list(value)) {
    if (!ipaddr.isValidCIDR(item) && !ipaddr.isValid(item)) {
      throw new ConfigError(`${name} has '${item}', which is neither an address nor a CIDR`);
    }
  }
  return list(value);
}

function origins(name: string, value: string): string[] {
  for (const item of list(value)) {
    if (item !== '*' && (!URL.canParse(item) || new URL(item).origin !== item)) {
      throw new ConfigError(`${name} has '${item}', which is not an origin like https://a.example`);
    }
  }
  return list(value);
}

function contacts(name: string, value: string): string[] {
  for (const item of list(value)) {
    if (!/^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/.test(item)) {
      throw new ConfigError(
        `${name} has '${item}', which is neither like mailto:security@example.com nor https://…`,
      );
    }
  }
  return list(value);
}

function readBrand(settings: Settings): Brand {
  const { BRAND_NAME, BRAND_LOGO_FILE, BRAND_COLOR, BRAND_COLOR_DARK } = settings;
  let logo: Brand['logo'];
  try {
    logo = BRAND_LOGO_FILE ? readLogo(BRAND_LOGO_FILE) : undefined;
  } catch (error) {
    throw new ConfigError(`BRAND_LOGO_FILE ${BRAND_LOGO_FILE}: ${(error as Error).message}`);
  }
  return {
    name: BRAND_NAME,
    logo,
    ...brandColors(BRAND_COLOR.toLowerCase(), BRAND_COLOR_DARK.toLowerCase() || undefined),
    supportEmail: settings.SUPPORT_EMAIL || undefined,
    supportUrl: settings.SUPPORT_URL || undefined,
  };
}

function defaultSender(publicUrl: string, brandName: string): string {
  return `"${brandName.replace(/["\\]/g, '')}" <no-reply@${hostOf(publicUrl) ?? hostname()}>`;
}

function hostOf(publicUrl: string): string | undefined {
  return publicUrl ? new URL(publicUrl).hostname : undefined;
}
