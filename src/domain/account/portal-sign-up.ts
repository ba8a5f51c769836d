import type { Database, Queryable } from '../../db/database.ts';
import type { Queue } from '../../db/queue.ts';
import type { Language } from '../../language.ts';
import { claimAttempt } from '../access/sign-in.ts';
import type { CredentialTools } from '../access/tools.ts';
import { addressKey } from '../email-address.ts';
import { queueMessage } from '../mail/message.ts';
import { Refusal } from '../refusal.ts';
import { accountsOfAddress } from './address-accounts.ts';
import { type SignupTools, signUp } from './new-account.ts';
import { sendVerification } from './verification.ts';

export const SIGN_UP_QUEUE = 'sign-up';
export const VERIFICATION_QUEUE = 'send-verification';

const NOTICES_WITHOUT_PAUSE = 1;

export interface SignUpRequest {
  name: string;
  email: string;
  promo?: string | undefined;
  /** the account's language */
  language?: Language;
}

/**
 * Asks for an account. A job checks whether the address has one already, so known and unknown
 * addresses get the same answer in the same time.
 */
export async function requestSignUp(
  db: Queryable,
  queue: Queue,
  request: SignUpRequest,
): Promise<void> {
  await queue.send(db, SIGN_UP_QUEUE, request, { key: addressKey(request.email) });
}

/**
 * Creates the account and mails a link, which verifies the address and lets the owner choose the
 * password. If the address has an account already, the mail says so instead. A promotion that was
 * used up meanwhile is ignored.
 */
export async function completeSignUp(
  db: Database,
  tools: SignupTools,
  request: SignUpRequest,
): Promise<void> {
  try {
    await signUp(db, tools, { ...request, passwordUnset: true });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.code === 'conflict') await tellOfAccount(db, tools, request.email);
    else if (request.promo) await completeSignUp(db, tools, { ...request, promo: undefined });
    else throw error;
  }
}

/** Asks for another verification mail. As with a sign-up, a job looks for the accounts. */
export async function requestVerification(
  db: Queryable,
  queue: Queue,
  email: string,
): Promise<void> {
  await queue.send(db, VERIFICATION_QUEUE, { email }, { key: addressKey(email) });
}

/** Mails a new link for each unverified account of the address. */
export async function sendVerifications(
  db: Database,
  tools: CredentialTools,
  email: string,
): Promise<void> {
  await db.transaction(async (tx) => {
    for (const account of await accountsOfAddress(tx, email)) {
      if (!account.verified) await sendVerification(tx, tools, account);
    }
  });
}

async function tellOfAccount(db: Database, tools: CredentialTools, email: string): Promise<void> {
  const { keyring, queue, now } = tools;
  const accounts = await accountsOfAddress(db, email);
  const [first] = accounts;
  if (!first) return;
  if (accounts.length === 1 && first.passwordUnset && !first.verified) {
    await sendVerifications(db, tools, email);
    return;
  }
  try {
    const subject = keyring.digest(`account exists ${addressKey(email)}`);
    await claimAttempt(db, subject, NOTICES_WITHOUT_PAUSE, now);
  } catch (error) {
    if (error instanceof Refusal) return;
    throw error;
  }
  const usernames = accounts.map(({ username }) => username);
  const message = { kind: 'account exists', usernames } as const;
  await queueMessage(db, queue, {
    to: first.email,
    name: first.name,
    language: first.language,
    message,
  });
}
