import { fieldRequired, notRegistered, rateLimited, unauthorized } from '../../domain/refusal.ts';
import { registrationByKey } from '../../domain/sip/registration.ts';
import { apikeyField } from '../../http/fields.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';

export const registration = operation({
  name: 'registration',
  operationId: 'accountRegistration',
  summary: 'Get the SIP registration',
  description: 'Where the account is registered at the moment, and with what phone.',
  auth: 'key',
  required: ['apikey'],
  body: Type.Object({ apikey: apikeyField }),
  success: { account: Type.Object({ uri: Type.String(), agent: Type.String() }) },
  example: { account: { uri: 'sip:4592086960@192.0.2.1:5060', agent: 'Zoiper rv2.8.97/' } },
  refusals: [fieldRequired('apikey'), unauthorized(), notRegistered(), rateLimited(3_600)],
  handle: async ({ service: { db, config, clock }, keyDigest }) => {
    const { uri, agent } = await registrationByKey(db, await keyDigest(), {
      now: clock(),
      address: config.registrationUri,
    });
    return `"account":${JSON.stringify({ uri, agent })}`;
  },
});
