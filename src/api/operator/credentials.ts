import { removeSecondFactor } from '../../domain/access/second-factor.ts';
import { findAccount } from '../../domain/account/account-search.ts';
import {
  endAllSessions,
  readSipSecret,
  renewKey,
  renewPassword,
  replaceSipSecret,
} from '../../domain/account/credentials.ts';
import { ok, removed } from './answer.ts';
import { choice, optional } from './field.ts';
import { username } from './fields.ts';
import { route } from './route.ts';
import * as s from './schemas.ts';

const TAG = 'accounts';
const A = { username: username('Its username') };

const password = route({
  method: 'POST',
  path: '/accounts/{username}/password',
  operationId: 'renewPassword',
  tag: TAG,
  summary: 'Give an account a new password and API key',
  scope: 'credentials:write',
  idempotency: 'required',
  params: A,
  body: { deliver: optional(choice(['answer'], { description: 'How they are told' })) },
  bodyIsOptional: true,
  answers: { 200: s.object({ password: s.name, apikey: s.name }) },
  handle: async ({ service, actor, params, now }) =>
    ok(await renewPassword(service.db, actor, { ...service, now }, params.username)),
});

const apiKey = route({
  method: 'POST',
  path: '/accounts/{username}/api-key',
  operationId: 'renewApiKey',
  tag: TAG,
  summary: 'Give an account a new API key',
  scope: 'credentials:write',
  idempotency: 'required',
  params: A,
  body: {},
  bodyIsOptional: true,
  answers: { 200: s.object({ apikey: s.name }) },
  handle: async ({ service, actor, params, now }) => {
    const { db, keyring, queue } = service;
    return ok({ apikey: await renewKey(db, actor, { keyring, queue, now }, params.username) });
  },
});

const sipSchema = s.object({
  username: s.username,
  user: s.name,
  realm: s.name,
  secret: s.name,
  changedAt: s.moment,
});

const getSipCredentials = route({
  method: 'GET',
  path: '/accounts/{username}/sip-credentials',
  operationId: 'getSipCredentials',
  tag: TAG,
  summary: 'What its phones are configured with; each reading is audited',
  scope: 'sip-credentials:read',
  params: A,
  answers: { 200: sipSchema },
  handle: async ({ service, actor, params, now }) => {
    const { db, keyring, config } = service;
    const tools = { keyring, realm: config.sipRealm };
    const found = await readSipSecret(db, actor, tools, params.username, now);
    return ok({ ...found, username: String(found.username) });
  },
});

const renewSipCredentials = route({
  method: 'POST',
  path: '/accounts/{username}/sip-credentials',
  operationId: 'renewSipCredentials',
  tag: TAG,
  summary: 'Give an account a new SIP secret',
  scope: 'credentials:write',
  idempotency: 'required',
  params: A,
  body: {},
  bodyIsOptional: true,
  answers: { 200: sipSchema },
  handle: async ({ service, actor, params, now }) => {
    const { db, keyring, queue, config } = service;
    const tools = { keyring, realm: config.sipRealm };
    const renewed = await replaceSipSecret(db, actor, { sip: tools, queue, now }, params.username);
    return ok({ ...renewed, username: String(renewed.username), changedAt: now });
  },
});

const secondFactor = route({
  method: 'DELETE',
  path: '/accounts/{username}/second-factor',
  operationId: 'removeSecondFactor',
  tag: TAG,
  summary: 'Turn the second factor of an account off',
  scope: 'credentials:write',
  params: A,
  answers: { 204: null },
  handle: async ({ service, actor, params, now }) => {
    await findAccount(service.db, params.username);
    await removeSecondFactor(service.db, actor, { ...service, now }, params.username);
    return removed;
  },
});

const sessions = route({
  method: 'DELETE',
  path: '/accounts/{username}/sessions',
  operationId: 'endSessions',
  tag: TAG,
  summary: 'Sign an account out everywhere',
  scope: 'credentials:write',
  params: A,
  answers: { 204: null },
  handle: async ({ service, actor, params, now }) => {
    await endAllSessions(service.db, actor, params.username, now);
    return removed;
  },
});

export const credentialRoutes = [
  password,
  apiKey,
  getSipCredentials,
  renewSipCredentials,
  secondFactor,
  sessions,
];
