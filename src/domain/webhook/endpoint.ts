import { randomBytes } from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit, differences } from '../audit.ts';
import { EVENT_TYPE_NAMES } from '../event.ts';
import { invalidField, Refusal } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';
import type { SealedColumn } from '../sealing/re-seal.ts';
import { hasNewEvents, numberEvents } from './event-log.ts';

const MOST_ENDPOINTS = 20;
/** Steps of events that get their numbers before an endpoint is added. New ones may always come. */
const NUMBERED_FIRST = 10;

/** What an endpoint may subscribe to: types, groups such as `account.*`, and `*`. */
export const SUBSCRIPTIONS: string[] = [
  '*',
  ...new Set(EVENT_TYPE_NAMES.map((type) => `${type.split('.')[0]}.*`)),
  ...EVENT_TYPE_NAMES,
];

/** The types of events that a subscription contains. */
export function typesOf(subscription: string): string[] {
  const start = subscription.replace(/\*$/, '');
  if (start === subscription) return [subscription];
  return EVENT_TYPE_NAMES.filter((type) => type.startsWith(start));
}

/** A URL that gets events. */
export interface WebhookEndpoint extends EndpointSettings {
  id: number;
  /** why it was disabled, if the service did it */
  disabledReason: string | null;
  failingSince: Date | null;
  lastSuccessAt: Date | null;
  /** deliveries that wait, also for another try */
  waiting: number;
  /** deliveries that were given up */
  failed: number;
  /** until when the previous secret signs, too */
  previousUntil: Date | null;
  createdBy: string;
  createdAt: Date;
}

export interface EndpointSettings {
  url: string;
  description: string;
  /** subscriptions */
  types: string[];
  /** billing accounts whose events, and whose sub-accounts' events, are sent; none: all */
  accounts: number[];
  enabled: boolean;
}

export interface IssuedEndpoint {
  endpoint: WebhookEndpoint;
  /** `whsec_` and 32 random bytes in base64 */
  secret: string;
}

const COLUMNS = `id, url, description, types, accounts, enabled, disabled_reason AS "disabledReason",
  failing_since AS "failingSince", last_success_at AS "lastSuccessAt",
  (SELECT count(*)::int FROM webhook_delivery d
   WHERE d.endpoint = w.id AND d.state = 'pending') AS waiting,
  (SELECT count(*)::int FROM webhook_delivery d
   WHERE d.endpoint = w.id AND d.state = 'failed') AS failed,
  previous_until AS "previousUntil", created_by AS "createdBy", created_at AS "createdAt"`;

const sealContext = (id: number, version: number) => `webhook secret ${id} ${version}`;
const sealed = (column: string, version: string): SealedColumn => ({
  ...{ table: 'webhook_endpoint', id: 'id', column, version, context: sealContext },
  name: (id) => `webhook ${id}`,
});

/** The secrets that sign webhooks. */
export const SEALED_WEBHOOK_SECRETS: SealedColumn[] = [
  sealed('secret_sealed', 'secret_version'),
  sealed('previous_sealed', 'secret_version - 1'),
];

/**
 * Adds an endpoint; it gets the events from now on.
 * @param settings.url has passed `requireAllowed`
 * @throws Refusal 'conflict' if there are 20 endpoints
 */
export async function createEndpoint(
  db: Database,
  actor: Actor,
  { keyring, now }: { keyring: Keyring; now: Date },
  settings: EndpointSettings,
): Promise<IssuedEndpoint> {
  const secret = newSecret();
  // An event is sent to the endpoints that are there when it gets its number.
  for (let n = 0; n < NUMBERED_FIRST && (await hasNewEvents(db)); n++) await numberEvents(db, now);
  return db.transaction(async (tx) => {
    await tx.query('LOCK TABLE webhook_endpoint IN SHARE ROW EXCLUSIVE MODE');
    await requireAccounts(tx, settings.accounts);
    const [next] = await tx.query<{ id: number; count: number }>(
      `SELECT nextval(pg_get_serial_sequence('webhook_endpoint', 'id')) AS id,
         (SELECT count(*) FROM webhook_endpoint) AS count`,
    );
    const { id, count } = next as { id: number; count: number };
    if (count >= MOST_ENDPOINTS) {
      throw new Refusal('conflict', `there are ${MOST_ENDPOINTS} webhook endpoints already`);
    }
    const { url, description, types, accounts, enabled } = settings;
    await tx.query(
      `INSERT INTO webhook_endpoint (id, url, description, types, accounts, enabled, secret_sealed,
         created_by, created_at)
       OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        id,
        url,
        description,
        types,
        accounts,
        enabled,
        await keyring.seal(tx, secret, sealContext(id, 1)),
        actor.who,
        now,
      ],
    );
    const detail = { id: String(id), ...settings };
    await audit(tx, actor, { action: 'webhook added', detail }, now);
    return { endpoint: await findEndpoint(tx, id), secret };
  });
}

/** @throws Refusal 'field invalid' */
async function requireAccounts(tx: Queryable, accounts: number[]): Promise<void> {
  const known = await tx.query(
    'SELECT FROM account WHERE username = ANY ($1) AND master_account = username',
    [accounts],
  );
  if (known.length < accounts.length) throw invalidField('accounts', 'Must be billing accounts');
}

/** All endpoints, oldest first. */
export function listEndpoints(db: Queryable): Promise<WebhookEndpoint[]> {
  return db.query<WebhookEndpoint>(`SELECT ${COLUMNS} FROM webhook_endpoint w ORDER BY id`);
}

/** @throws Refusal 'not found' */
export async function findEndpoint(db: Queryable, id: number): Promise<WebhookEndpoint> {
  const [endpoint] = await db.query<WebhookEndpoint>(
    `SELECT ${COLUMNS} FROM webhook_endpoint w WHERE id = $1`,
    [id],
  );
  if (!endpoint) throw new Refusal('not found', `there is no webhook endpoint ${id}`);
  return endpoint;
}

interface EndpointChange {
  id: number;
  changes: Partial<EndpointSettings>;
  /** gets the endpoint before and after the change, while its row is locked */
  check?: (before: WebhookEndpoint, after: EndpointSettings) => void;
}

/**
 * Changes the given settings. An endpoint that is disabled gets no events, and its waiting
 * deliveries are given up; one that is enabled again gets the events from then on.
 * @throws Refusal 'not found', 'field invalid'; errors of `check`
 */
export function changeEndpoint(
  db: Database,
  actor: Actor,
  { id, changes, check }: EndpointChange,
  now: Date,
): Promise<WebhookEndpoint> {
  return db.transaction(async (tx) => {
    await lock(tx, id);
    const before = await findEndpoint(tx, id);
    const after = { ...settingsOf(before), ...changes };
    check?.(before, after);
    await requireAccounts(tx, after.accounts);
    const detail = differences(settingsOf(before), after);
    if (Object.keys(detail).length === 0) return before;
    await tx.query(
      `UPDATE webhook_endpoint SET url = $2, description = $3, types = $4, accounts = $5,
         enabled = $6, disabled_reason = CASE WHEN NOT $6 THEN disabled_reason END,
         failures = 0, failing_since = NULL, blocked_until = NULL, warned_at = NULL
       WHERE id = $1`,
      [id, after.url, after.description, after.types, after.accounts, after.enabled],
    );
    if (!after.enabled) await giveUp(tx, id);
    await audit(
      tx,
      actor,
      { action: 'webhook changed', detail: { id: String(id), ...detail } },
      now,
    );
    return findEndpoint(tx, id);
  });
}

/** The settings of an endpoint, without its state. */
export function settingsOf(endpoint: EndpointSettings): EndpointSettings {
  const { url, description, types, accounts, enabled } = endpoint;
  return { url, description, types, accounts, enabled };
}

/** Gives up the waiting deliveries of an endpoint; a replay sends them. */
export async function giveUp(tx: Queryable, id: number): Promise<void> {
  await tx.query(
    "UPDATE webhook_delivery SET state = 'failed' WHERE endpoint = $1 AND state = 'pending'",
    [id],
  );
}

/**
 * Gives an endpoint a new secret. The previous one signs as well for some more hours.
 * @throws Refusal 'not found'
 */
export function rotateWebhookSecret(
  db: Database,
  actor: Actor,
  { keyring, now }: { keyring: Keyring; now: Date },
  { id, overlapHours }: { id: number; overlapHours: number },
): Promise<IssuedEndpoint> {
  const secret = newSecret();
  return db.transaction(async (tx) => {
    const version = (await lock(tx, id)) + 1;
    await tx.query(
      `UPDATE webhook_endpoint SET
         previous_sealed = CASE WHEN $4 > 0 THEN secret_sealed END,
         previous_until = CASE WHEN $4 > 0 THEN $5::timestamptz + make_interval(hours => $4) END,
         secret_sealed = $2, secret_version = $3 WHERE id = $1`,
      [id, await keyring.seal(tx, secret, sealContext(id, version)), version, overlapHours, now],
    );
    const detail = { id: String(id), overlapHours };
    await audit(tx, actor, { action: 'webhook secret rotated', detail }, now);
    return { endpoint: await findEndpoint(tx, id), secret };
  });
}

/** Removes an endpoint with its deliveries. @throws Refusal 'not found'; errors of `check` */
export async function removeEndpoint(
  db: Database,
  actor: Actor,
  { id, check }: { id: number; check?: (endpoint: WebhookEndpoint) => void },
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    await lock(tx, id);
    const endpoint = await findEndpoint(tx, id);
    check?.(endpoint);
    await tx.query('DELETE FROM webhook_delivery WHERE endpoint = $1', [id]);
    await tx.query('DELETE FROM webhook_endpoint WHERE id = $1', [id]);
    const detail = { id: String(id), url: endpoint.url };
    await audit(tx, actor, { action: 'webhook removed', detail }, now);
  });
}

/** @returns the version of the endpoint's secret @throws Refusal 'not found' */
async function lock(tx: Queryable, id: number): Promise<number> {
  const [row] = await tx.query<{ version: number }>(
    'SELECT secret_version AS version FROM webhook_endpoint WHERE id = $1 FOR UPDATE',
    [id],
  );
  if (!row) throw new Refusal('not found', `there is no webhook endpoint ${id}`);
  return row.version;
}

/** The secrets that sign at a time, the newest first. @throws Refusal 'not found' */
export async function secretsOf(
  db: Queryable,
  keyring: Keyring,
  id: number,
  now: Date,
): Promise<string[]> {
  const [row] = await db.query<{ secret: Buffer; previous: Buffer | null; version: number }>(
    `SELECT secret_sealed AS secret, secret_version AS version,
       CASE WHEN previous_until > $2 THEN previous_sealed END AS previous
     FROM webhook_endpoint WHERE id = $1`,
    [id, now],
  );
  if (!row) throw new Refusal('not found', `there is no webhook endpoint ${id}`);
  const { secret, previous, version } = row;
  const newest = await keyring.open(db, secret, sealContext(id, version));
  if (!previous) return [newest];
  return [newest, await keyring.open(db, previous, sealContext(id, version - 1))];
}

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
