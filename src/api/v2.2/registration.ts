import { notRegistered, rateLimited, unauthorized } from '../../domain/refusal.ts';
import { registrationByKey } from '../../domain/sip/registration.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';

export const getRegistration = operation({
  name: 'registration',
  operationId: 'accountRegistration',
  summary: 'Get the SIP registration',
  description: 'Where the account is registered at the moment, and with what phone.',
  auth: 'key',
  required: [],
  body: Type.Object({}),
  success: {
    uri: Type.String(),
    agent: Type.String(),
    expires: Type.Integer({ description: 'Seconds left' }),
  },
  example: { uri: 'sip:4592086960@192.0.2.1:5060', agent: 'Zoiper rv2.8.97/', expires: 1800 },
  refusals: [unauthorized(), notRegistered(), rateLimited(3_600)],
  handle: async ({ service: { db, config, clock }, keyDigest }) => {
    const now = clock();
    const current = await registrationByKey(db, await keyDigest(), {
      now,
      address: config.registrationUri,
    });
    const { uri, agent, expiresAt } = current;
    const expires = Math.floor((expiresAt.getTime() - now.getTime()) / 1_000);
    return JSON.stringify({ uri, agent, expires }).slice(1, -1);
  },
});
