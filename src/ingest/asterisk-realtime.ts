import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Database } from '../db/database.ts';
import { isSipUser } from '../domain/account-name.ts';
import { dialledNumber, type NumberingPlan } from '../domain/phone-number.ts';
import { invalidField, Refusal } from '../domain/refusal.ts';
import { endContact, reportContacts, reportedContacts } from '../domain/sip/reported-contact.ts';
import { findSubscriber, type Subscriber, subscriberOfNumber } from '../domain/sip/subscriber.ts';
import type { Service } from '../service.ts';
import { LONGEST_QUESTION_BYTES } from './authorize.ts';
import { readRaw } from './bodies/receive.ts';
import { expiryAt, toContact } from './formats/contact.ts';
import { MalformedRecord } from './record.ts';

type Row = Record<string, string>;

/** A subscriber's row in each table of res_pjsip. */
const OBJECTS: Record<string, (subscriber: Subscriber) => Row> = {
  ps_endpoints: ({ user, account }) => ({
    id: user,
    aors: user,
    auth: user,
    accountcode: account,
    context: 'account-api-outgoing',
    disallow: 'all',
    allow: 'ulaw,alaw',
    direct_media: 'no',
    force_rport: 'yes',
    rewrite_contact: 'yes',
    rtp_symmetric: 'yes',
  }),
  // Asterisk 22 prefers password_digest; earlier versions do not have it.
  ps_auths: ({ user, realm, ha1 }) => ({
    id: user,
    auth_type: 'md5',
    username: user,
    md5_cred: ha1,
    realm,
  }),
  ps_aors: ({ user }) => ({
    id: user,
    max_contacts: '5',
    remove_existing: 'yes',
    minimum_expiration: '60',
    default_expiration: '3600',
    maximum_expiration: '3600',
  }),
};

/**
 * The tables that Asterisk reads and writes with res_config_curl: POST to
 * `/ingest/v1/asterisk/<table>/<single|multi|store|update|destroy|require>` with a form. Rows are
 * answered as forms, one a line. A write answers the number of written rows.
 * Source: res/res_config_curl.c of Asterisk 22; ids of contacts: res/res_pjsip/location.c.
 */
export function realtimeRoutes(app: FastifyInstance, { db, clock }: Service): void {
  app.post<{ Params: { table: string; verb: string }; Querystring: { id?: string } }>(
    '/ingest/v1/asterisk/:table/:verb',
    async (request, reply) => {
      const { table, verb } = request.params;
      const body = await readRaw(request.raw, LONGEST_QUESTION_BYTES);
      const form = new URLSearchParams(body.toString());
      const answer = await (verb === 'single' || verb === 'multi'
        ? rowsOf(db, table, { form, plan: request.feed?.plan }, clock())
        : changeOf(db, { table, verb, id: request.query.id, form, now: clock() }));
      return reply
        .header('cache-control', 'no-store')
        .type('text/plain; charset=utf-8')
        .send(answer);
    },
  );
}

interface Asked {
  form: URLSearchParams;
  /** the numbering plan of the asking feed */
  plan: NumberingPlan | undefined;
}

async function rowsOf(db: Database, table: string, asked: Asked, now: Date): Promise<string> {
  const rows = await findRows(db, table, asked, now);
  return rows.map((row) => String(new URLSearchParams(row))).join('\n');
}

/** Finds rows by one id or number. There is no list of all accounts. */
async function findRows(
  db: Database,
  table: string,
  { form, plan }: Asked,
  now: Date,
): Promise<Row[]> {
  if (table === 'sip_number') {
    const number = dialledNumber(form.get('number') ?? '', plan);
    const owner = number === undefined ? undefined : await subscriberOfNumber(db, number);
    return number && owner ? [{ number, username: owner.account, user: owner.user }] : [];
  }
  const id = contactId(form.get('id') ?? form.get('id LIKE'));
  if (table === 'ps_contacts') {
    return id ? contactRows(db, id, now) : [];
  }
  const object = Object.hasOwn(OBJECTS, table) ? OBJECTS[table] : undefined;
  if (!object) throw new Refusal('not found', 'Not found');
  const subscriber = id && (await findSubscriber(db, id.user));
  return subscriber ? [object(subscriber)] : [];
}

interface ContactId {
  user: string;
  /** MD5 of the contact's URI; undefined for all */
  digest: string | undefined;
}

/** `2000000005`, `2000000005;@<MD5 of the URI>`, or `2000000005;@%`; it begins with a SIP user */
function contactId(text: string | null | undefined): ContactId | undefined {
  const [, user, digest] = /^([^;]{1,64})(?:;@(?:%|([0-9a-f]{32})))?$/.exec(text ?? '') ?? [];
  return isSipUser(user) ? { user, digest } : undefined;
}

async function contactRows(db: Database, id: ContactId, now: Date): Promise<Row[]> {
  const rows = (await reportedContacts(db, id.user, now)).map((row) => ({
    id: `${id.user};@${createHash('md5').update(row.contact).digest('hex')}`,
    uri: row.contact,
    user_agent: row.agent,
    endpoint: id.user,
    expiration_time: String(Math.ceil(row.expiresAt.getTime() / 1_000)),
  }));
  return rows.filter((row) => id.digest === undefined || row.id.endsWith(id.digest));
}

interface Change {
  table: string;
  verb: string;
  /** id of the row to update */
  id: string | undefined;
  form: URLSearchParams;
  now: Date;
}

/** @returns how many rows were written */
async function changeOf(db: Database, { table, verb, id, form, now }: Change): Promise<string> {
  // Asterisk sends `require` at its start to check the columns.
  if (verb === 'require') return '0';
  const contact = contactId(id ?? form.get('id'));
  if (table !== 'ps_contacts') throw new Refusal('not found', 'Not found');
  if (!contact) throw invalidField('id', 'Must be the id of a contact');
  if (verb === 'destroy') {
    return String(await endContact(db, contact.user, contact.digest ?? '', now));
  }
  if (verb !== 'store' && verb !== 'update') throw new Refusal('not found', 'Not found');
  try {
    const reported = toContact({
      users: [contact.user],
      contact: form.get('uri'),
      received: undefined,
      userAgent: form.get('user_agent'),
      reportedAt: now,
      expiresAt: expiryAt(now, form.get('expiration_time')),
    });
    return String(await reportContacts(db, [reported]));
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error;
    throw new Refusal('malformed', error.message);
  }
}
