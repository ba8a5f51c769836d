import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs, parseEnv } from 'node:util';
import ipaddr from 'ipaddr.js';
import { type Brand, brandColors, readLogo } from './brand.ts';
import { type Currency, isCurrency } from './currency.ts';
import type { Language } from './language.ts';
import { readSettings, type Settings, WrongSetting } from './settings.ts';
import { reasonOf } from './system-error.ts';

/** A setting has a wrong value; the message is one line that names it. */
export class ConfigError extends Error {}

export interface Config {
  port: number;
  host: string;
  /** 0: no separate port */
  metricsPort: number;
  dataDir: string;
  databaseUrl: string | undefined;
  /** the database itself, if `databaseUrl` is a pooler */
  databaseDirectUrl: string | undefined;
  databaseReadUrl: string | undefined;
  /** how many seconds the replica may be behind */
  replicaLagSeconds: number;
  /** how long a change may wait for a synchronous standby */
  copyWaitSeconds: number;
  databasePrepared: boolean;
  databasePool: number;
  limitsUrl: string | undefined;
  workers: number;
  /** without a slash at the end; undefined: made from the listening address */
  publicUrl: string | undefined;
  secretKeyFile: string | undefined;
  smtpUrl: string | undefined;
  mailFrom: string;
  /** used if neither account nor browser asks for another language */
  language: Language;
  brand: Brand;
  mailTextsFile: string | undefined;
  adminEmail: string;
  trustProxy: string[];
  forwardedHeader: Settings['FORWARDED_HEADER'];
  corsOrigins: string[];
  rateLimitPerHour: number;
  signupLimitPerHour: number;
  recoverLimitPerHour: number;
  signInFailuresPerHour: number;
  /** for each operator key */
  operatorLimitPerMinute: number;
  eventDays: number;
  /** host names, addresses and CIDRs that webhooks may reach although they are private */
  webhookAllow: string[];
  recoveryDiscloses: boolean;
  /** of all amounts of money */
  currency: Currency;
  /** money per minute, a decimal string */
  defaultRate: string;
  /** of accounts in their first 30 days; null: none */
  newLimits: { dayLimit: string | null; maxRate: string | null };
  /** an amount, a decimal string; undefined: unusual hours are not reported */
  unusualHour: string | undefined;
  sipRealm: string;
  registrationUri: Settings['REGISTRATION_URI'];
  prorateCharges: boolean;
  ingestBodyLimitBytes: number;
  ingestUnpackedLimitBytes: number;
  holdSeconds: number;
  holdsOnDisk: boolean;
  emergencyNumbers: ReadonlySet<string>;
  freeCalls: boolean;
  verifiedCallsOnly: boolean;
  retentionMonths: number;
  /** a month is dropped only once it is in an archive */
  archiveCalls: boolean;
  /** an API key may change settings of its account */
  apiWrites: boolean;
  /** customers may set any caller ID, not only numbers of their account */
  callerIdAny: boolean;
  /** of portal sessions */
  sessionLife: { idleSeconds: number; absoluteSeconds: number };
  /** administrators can do nothing without one */
  adminSecondFactor: boolean;
  /** an amount, a decimal string: posting a larger amount requires the password again */
  stepUpAmount: string;
  /** none: no security.txt */
  securityContacts: string[];
  logLevel: Settings['LOG_LEVEL'];
}

/**
 * Reads the settings from the environment. Settings that are missing there come from the file
 * `.env` of the working folder.
 * @param given settings that override both
 * @throws ConfigError with the name of the wrong setting
 */
export function loadConfig(
  env: NodeJS.ProcessEnv = process.env,
  given: Record<string, string> = {},
): Config {
  const settings = settingsOf({ ...dotenv(), ...withoutEmpty({ ...env, ...given }) });
  if (settings.DATABASE_READ_URL && !settings.DATABASE_URL) {
    throw new ConfigError(
      'DATABASE_READ_URL names a replica of DATABASE_URL, which must be set as well',
    );
  }
  const publicUrl = settings.PUBLIC_URL.replace(/\/+$/, '');
  return {
    port: settings.PORT,
    host: settings.HOST,
    metricsPort: settings.METRICS_PORT,
    dataDir: resolve(settings.DATA_DIR),
    databaseUrl: settings.DATABASE_URL || undefined,
    databaseDirectUrl: settings.DATABASE_DIRECT_URL || undefined,
    databaseReadUrl: settings.DATABASE_READ_URL || undefined,
    replicaLagSeconds: settings.REPLICA_LAG_SECONDS,
    copyWaitSeconds: settings.COPY_WAIT_SECONDS,
    databasePrepared: settings.DATABASE_PREPARED,
    databasePool: settings.DATABASE_POOL,
    limitsUrl: settings.LIMITS_URL || undefined,
    workers: settings.WORKERS,
    publicUrl: publicUrl || undefined,
    secretKeyFile: settings.SECRET_KEY_FILE ? resolve(settings.SECRET_KEY_FILE) : undefined,
    smtpUrl: settings.SMTP_URL || undefined,
    mailFrom: settings.MAIL_FROM || defaultSender(publicUrl, settings.BRAND_NAME),
    language: settings.LANGUAGE,
    brand: readBrand(settings),
    mailTextsFile: settings.MAIL_TEXTS_FILE || undefined,
    adminEmail: settings.ADMIN_EMAIL,
    trustProxy: cidrs('TRUST_PROXY', settings.TRUST_PROXY),
    forwardedHeader: settings.FORWARDED_HEADER,
    corsOrigins: origins('CORS_ORIGINS', settings.CORS_ORIGINS),
    rateLimitPerHour: settings.RATE_LIMIT_PER_HOUR,
    signupLimitPerHour: settings.SIGNUP_LIMIT_PER_HOUR,
    recoverLimitPerHour: settings.RECOVER_LIMIT_PER_HOUR,
    signInFailuresPerHour: settings.SIGN_IN_FAILURES_PER_HOUR,
    operatorLimitPerMinute: settings.OPERATOR_LIMIT_PER_MINUTE,
    eventDays: settings.EVENT_DAYS,
    webhookAllow: allowedHosts('WEBHOOK_ALLOW', settings.WEBHOOK_ALLOW),
    recoveryDiscloses: settings.RECOVERY_DISCLOSES,
    currency: currency(settings.CURRENCY),
    defaultRate: settings.DEFAULT_RATE,
    newLimits: { dayLimit: settings.DAY_LIMIT_NEW || null, maxRate: settings.MAX_RATE_NEW || null },
    unusualHour: settings.UNUSUAL_HOUR || undefined,
    sipRealm: settings.SIP_REALM || hostOf(publicUrl) || 'localhost',
    registrationUri: settings.REGISTRATION_URI,
    prorateCharges: settings.PRORATE_CHARGES,
    ingestBodyLimitBytes: settings.INGEST_BODY_LIMIT,
    ingestUnpackedLimitBytes: settings.INGEST_UNPACKED_LIMIT,
    holdSeconds: settings.HOLD_SECONDS,
    holdsOnDisk: settings.HOLDS_ON_DISK,
    freeCalls: settings.FREE_CALLS,
    emergencyNumbers: new Set(settings.EMERGENCY_NUMBERS.split(/[ ,]+/)),
    verifiedCallsOnly: settings.VERIFIED_CALLS_ONLY,
    retentionMonths: settings.RETENTION_MONTHS,
    archiveCalls: settings.ARCHIVE_CALLS,
    apiWrites: settings.API_WRITES,
    callerIdAny: settings.CALLER_ID_ANY,
    sessionLife: {
      idleSeconds: settings.SESSION_IDLE_MINUTES * 60,
      absoluteSeconds: settings.SESSION_LIFETIME_HOURS * 3_600,
    },
    adminSecondFactor: settings.ADMIN_SECOND_FACTOR,
    stepUpAmount: settings.STEP_UP_AMOUNT,
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

/** An empty variable counts as not set, as operators expect for `PORT= npm start`. */
function withoutEmpty(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
}

/** The settings in the file `.env` of the working folder, if it exists. */
function dotenv(): Record<string, string> {
  try {
    return withoutEmpty(parseEnv(readFileSync('.env', 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ConfigError(`the settings cannot be read: ${(error as Error).message}`);
  }
}

function settingsOf(texts: Record<string, string>): Settings {
  try {
    return readSettings(texts);
  } catch (error) {
    throw error instanceof WrongSetting ? new ConfigError(error.message) : error;
  }
}

function currency(code: string): Currency {
  if (isCurrency(code)) return code;
  throw new ConfigError(`CURRENCY must be a code of ISO 4217 such as EUR, not ${code}`);
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

/** Names, addresses and networks. A very wide network would switch the protection off. */
function allowedHosts(name: string, value: string): string[] {
  for (const item of list(value)) {
    const isName = /^(?=.{1,253}$)[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(item);
    if (ipaddr.isValid(item) || (isName && /[a-z]/i.test(item))) continue;
    const [network, bits] = ipaddr.isValidCIDR(item) ? ipaddr.parseCIDR(item) : [];
    if (network && Number(bits) >= (network.kind() === 'ipv4' ? 8 : 7)) continue;
    throw new ConfigError(
      `${name} has '${item}', which is neither a host name, an address nor a CIDR of /8 or narrower`,
    );
  }
  return list(value).map((item) => item.toLowerCase());
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
    throw new ConfigError(`BRAND_LOGO_FILE ${BRAND_LOGO_FILE}: ${reasonOf(error)}`);
  }
  return {
    name: BRAND_NAME,
    logo,
    ...brandColors(BRAND_COLOR.toLowerCase(), BRAND_COLOR_DARK.toLowerCase() || undefined),
    supportEmail: settings.SUPPORT_EMAIL || undefined,
    supportUrl: settings.SUPPORT_URL || undefined,
    howToPay: settings.HOW_TO_PAY || undefined,
  };
}

function defaultSender(publicUrl: string, brandName: string): string {
  return `"${brandName.replace(/["\\]/g, '')}" <no-reply@${hostOf(publicUrl) ?? hostname()}>`;
}

function hostOf(publicUrl: string): string | undefined {
  return publicUrl ? new URL(publicUrl).hostname : undefined;
}
