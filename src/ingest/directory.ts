import type { FastifyInstance } from 'fastify';
import { isSipUser } from '../domain/account-name.ts';
import { dialledNumber } from '../domain/phone-number.ts';
import { Refusal } from '../domain/refusal.ts';
import { findSubscriber, type Subscriber, subscriberOfNumber } from '../domain/sip/subscriber.ts';
import type { Service } from '../service.ts';
import { LONGEST_QUESTION_BYTES, readFields } from './authorize.ts';
import { readRaw } from './bodies/receive.ts';

/**
 * Tells switches that do not read the database who may register and who owns a number.
 * `POST /ingest/v1/subscriber {"account"}` (the SIP user) and `POST /ingest/v1/number {"number"}` answer one line
 * of JSON, or 404; `POST /ingest/v1/freeswitch/directory` answers mod_xml_curl.
 */
export function directoryRoutes(app: FastifyInstance, { db }: Service): void {
  app.post('/ingest/v1/subscriber', async (request, reply) => {
    const body = await readRaw(request.raw, LONGEST_QUESTION_BYTES);
    const { account: given } = readFields(body, ['account']);
    const name = typeof given === 'number' ? String(given) : given;
    const found = isSipUser(name) ? await findSubscriber(db, name) : undefined;
    if (!found) throw new Refusal('not found', 'There is no such subscriber');
    const { account, user, realm, ha1 } = found;
    return reply
      .header('cache-control', 'no-store')
      .type('application/json; charset=utf-8')
      .send(JSON.stringify({ account, user, realm, ha1 }));
  });

  app.post('/ingest/v1/number', async (request, reply) => {
    const body = await readRaw(request.raw, LONGEST_QUESTION_BYTES);
    const { number: text } = readFields(body, ['number']);
    const number = dialledNumber(String(text), request.feed?.plan);
    const owner = number === undefined ? undefined : await subscriberOfNumber(db, number);
    if (owner === undefined) throw new Refusal('not found', 'Nobody has this number');
    return reply
      .header('cache-control', 'no-store')
      .type('application/json; charset=utf-8')
      .send(JSON.stringify({ ...owner, number }));
  });

  // FreeSWITCH treats every answer except 200 as a failure.
  app.post('/ingest/v1/freeswitch/directory', async (request, reply) => {
    const body = await readRaw(request.raw, LONGEST_QUESTION_BYTES);
    const question = new URLSearchParams(body.toString());
    const name = question.get('user');
    const found = isSipUser(name) ? await findSubscriber(db, name) : undefined;
    const known = found?.realm === question.get('domain') ? found : undefined;
    return reply
      .header('cache-control', 'no-store')
      .type('text/xml; charset=utf-8')
      .send(known ? userXml(known) : NOT_FOUND);
  });
}

const NOT_FOUND =
  '<document type="freeswitch/xml"><section name="result"><result status="not found"/></section></document>';

/** A realm is a host name, and a SIP user has no special characters, so they need no escapes. */
function userXml({ account, user, realm, ha1 }: Subscriber): string {
  return `<document type="freeswitch/xml"><section name="directory"><domain name="${realm}">
<params><param name="dial-string" value="\${sofia_contact(*/\${dialed_user}@\${dialed_domain})}"/></params>
<user id="${user}"><params><param name="a1-hash" value="${ha1}"/></params>
<variables><variable name="accountcode" value="${account}"/></variables></user>
</domain></section></document>`;
}
