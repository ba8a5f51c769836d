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
import { ok, removed } from './framework/answer.ts';
import { choice, type Fields, optional, pattern } from './framework/field.ts';
import { username } from './framework/fields.ts';
import { type Call, routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('accounts');
const A = { username: username('Its username') };

const mailedSchema = s.object({ mailed: Type.Boolean() });
const mailed = (isMailed: boolean) => ({ status: 202, body: { mailed: isMailed } });

const verify = route('POST /accounts/{username}/verify', 'verifyAccount', {
  summary: 'Take the address of an account for confirmed; it gets the promotion it signed up with',
  scope: 'accounts:write',
  isNatural: true,
  params: A,
  body: {},
  answers: { 200: s.object({ username: s.username, verifiedAt: s.moment }) },
  handle: async ({ service: { db }, actor, params: { username: of }, now }) => {
    await verifyByStaff(db, actor, of, now);
    return ok({ username: String(of), verifiedAt: (await findAccount(db, of)).verifiedAt });
  },
});

/** Mails the owner of an account a link. */
const mailing = (mail: typeof mailRecovery) => ({
  description: '`mailed` is false if the address has got too many mails within the hour.',
  scope: 'accounts:write' as const,
  idempotency: 'required' as const,
  params: A,
  body: {},
  answers: { 202: mailedSchema },
  handle: async ({ service, actor, params, now }: Call<typeof A, Fields, Fields>) =>
    mailed(await mail(service.db, actor, { ...service, now }, params.username)),
});

const verificationMail = route('POST /accounts/{username}/verification-mail', 'mailVerification', {
  summary: 'Mail the owner a link that confirms the address, unless it is confirmed',
  ...mailing(mailVerification),
});

const recoveryMail = route('POST /accounts/{username}/recovery-mail', 'mailRecovery', {
  summary: 'Mail the owner a link to choose a new password',
  ...mailing(mailRecovery),
});

const password = route('POST /accounts/{username}/password', 'renewPassword', {
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
  answers: { 200: s.object({ password: s.name, apikey: s.name }), 202: mailedSchema },
  handle: async ({ service, actor, params: { username: of }, body, now }) => {
    const tools = { ...service, now };
    const renewed = await renewPassword(service.db, actor, tools, of);
    if (body.deliver !== 'mail') return ok(renewed);
    return mailed(await mailRecovery(service.db, actor, tools, of));
  },
});

const apiKey = route('POST /accounts/{username}/api-key', 'renewApiKey', {
  summary: 'Give an account a new API key',
  scope: 'credentials:write',
  idempotency: 'required',
  params: A,
  body: {},
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

const getSipCredentials = route('GET /accounts/{username}/sip-credentials', 'getSipCredentials', {
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

const renewSip = route('POST /accounts/{username}/sip-credentials', 'renewSipCredentials', {
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

const secondFactor = route('DELETE /accounts/{username}/second-factor', 'removeSecondFactor', {
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

const sessions = route('DELETE /accounts/{username}/sessions', 'endSessions', {
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
  renewSip,
  secondFactor,
  sessions,
];
