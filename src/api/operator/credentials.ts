import { removeSecondFactor } from '../../domain/access/second-factor.ts';
import { findAccount } from '../../domain/account/account-search.ts';
import {
  endAllSessions,
  readSipSecret,
  renewKey,
  renewPassword,
  replaceSipSecret,
} from '../../domain/account/credentials.ts';
import { mailRecovery } from '../../domain/account/recovery.ts';
import { mailVerification, verifyByStaff } from '../../domain/account/verification.ts';
import { Type } from '../../http/schema.ts';
import { ok, removed } from './answer.ts';
import { choice, optional, pattern } from './field.ts';
import { username } from './fields.ts';
import { route } from './route.ts';
import * as s from './schemas.ts';

const TAG = 'accounts';
const A = { username: username('Its username') };

const mailedSchema = s.object({ mailed: Type.Boolean() });
const mailed = (isMailed: boolean) => ({ status: 202, body: { mailed: isMailed } });

const verify = route({
  method: 'POST',
  path: '/accounts/{username}/verify',
  operationId: 'verifyAccount',
  tag: TAG,
  summary: 'Take the address of an account for confirmed; it gets the promotion it signed up with',
  scope: 'accounts:write',
  isNatural: true,
  params: A,
  body: {},
  bodyIsOptional: true,
  answers: { 200: s.object({ username: s.username, verifiedAt: s.moment }) },
  handle: async ({ service: { db }, actor, params: { username: of }, now }) => {
    await verifyByStaff(db, actor, of, now);
    return ok({ username: String(of), verifiedAt: (await findAccount(db, of)).verifiedAt });
  },
});

const mailing = (
  path: 'verification-mail' | 'recovery-mail',
  operationId: string,
  summary: string,
  mail: typeof mailRecovery,
) =>
  route({
    method: 'POST',
    path: `/accounts/{username}/${path}`,
    ...{ operationId, tag: TAG, summary },
    description: '`mailed` is false if the address has got too many mails within the hour.',
    scope: 'accounts:write',
    idempotency: 'required',
    params: A,
    body: {},
    bodyIsOptional: true,
    answers: { 202: mailedSchema },
    handle: async ({ service, actor, params, now }) =>
      mailed(await mail(service.db, actor, { ...service, now }, params.username)),
  });

const verificationMail = mailing(
  'verification-mail',
  'mailVerification',
  'Mail the owner a link that confirms the address, unless it is confirmed',
  mailVerification,
);

const recoveryMail = mailing(
  'recovery-mail',
  'mailRecovery',
  'Mail the owner a link to choose a new password',
  mailRecovery,
);

const password = route({
  method: 'POST',
  path: '/accounts/{username}/password',
  operationId: 'renewPassword',
  tag: TAG,
  summary: 'Give an account a new password and API key',
  description:
    '`mail`: nobody is told the password; the owner gets a link to choose one, unless the address ' +
    'has got too many mails within the hour.',
  scope: 'credentials:write',
  idempotency: 'required',
  params: A,
  body: {
    deliver: optional(choice(['answer', 'mail'], { description: 'answer where it is left out' })),
  },
  bodyIsOptional: true,
  answers: { 200: s.object({ password: s.name, apikey: s.name }), 202: mailedSchema },
  handle: async ({ service, actor, params: { username: of }, body, now }) => {
    const tools = { ...service, now };
    const renewed = await renewPassword(service.db, actor, tools, of);
    if (body.deliver !== 'mail') return ok(renewed);
    return mailed(await mailRecovery(service.db, actor, tools, of));
  },
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
  body: {
    secret: optional(
      pattern('^[!#-9;-\\[\\]-~]{16,64}$', {
        description: '16 to 64 printable characters; left out, it is generated',
        example: 'kT4mVw8ZrQ2nXc7J',
      }),
    ),
  },
  bodyIsOptional: true,
  answers: { 200: sipSchema },
  handle: async ({ service, actor, params, body, now }) => {
    const { db, keyring, queue, config } = service;
    const tools = { keyring, realm: config.sipRealm };
    const renewed = await replaceSipSecret(
      db,
      actor,
      { sip: tools, queue, now },
      params.username,
      body,
    );
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
  verify,
  verificationMail,
  recoveryMail,
  password,
  apiKey,
  getSipCredentials,
  renewSipCredentials,
  secondFactor,
  sessions,
];
