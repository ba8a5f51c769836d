import type { Database } from '../../db/database.ts';
import { keyOf } from '../access/api-key.ts';
import { generatePassword, hashPassword } from '../access/password.ts';
import { type Actor, audit } from '../audit.ts';
import { shareAddress } from '../email-address.ts';
import { Refusal } from '../refusal.ts';
import { applySettings } from './account.ts';
import type { AccountChanges } from './account-setting.ts';
import {
  insertAccount,
  insertWithFreeUsername,
  requireBillingAccount,
  type SignupTools,
} from './new-account.ts';
import { sendVerification } from './verification.ts';

export const ONBOARDINGS = ['invite', 'credentials', 'none'] as const;

export interface OnboardedAccount {
  username: number;
  /** only if the caller has to pass them on */
  credentials: { password: string; apikey: string } | undefined;
}

/**
 * Creates an account with its settings for another system of the operator.
 * @param input.username generated if left out
 * @param input.masterAccount if left out, the account pays for itself
 * @param input.onboarding 'invite': a mailed link verifies the address and lets the owner choose a
 *   password; 'credentials': password and key are returned; 'none': the owner asks for a link
 * @throws Refusal 'conflict' if the username or external ID is taken; 'field invalid' if the master
 *   account is not an open billing account; errors of `changeAccount` for a setting
 */
export async function onboardAccount(
  db: Database,
  actor: Actor,
  { keyring, queue, now, rate, limits, sipRealm }: SignupTools,
  input: {
    username?: number | undefined;
    masterAccount?: number | undefined;
    settings: AccountChanges & { name: string; email: string };
    onboarding: (typeof ONBOARDINGS)[number];
  },
): Promise<OnboardedAccount> {
  const { masterAccount, settings, onboarding } = input;
  const { name, email, language = null } = settings;
  const password = generatePassword();
  const passwordHash = await hashPassword(password);
  return db.transaction(async (tx) => {
    await shareAddress(tx, email);
    if (masterAccount !== undefined) await requireBillingAccount(tx, masterAccount);
    const fields = { name, email, role: 'customer', rate, limits, sipRealm, now } as const;
    const payer = masterAccount === undefined ? {} : { masterAccount };
    let { username } = input;
    if (username === undefined) {
      username = await insertWithFreeUsername(tx, keyring, { ...fields, ...payer }, passwordHash);
    } else {
      const account = { masterAccount: username, ...payer, ...fields, username };
      if (!(await insertAccount(tx, keyring, account, passwordHash))) {
        throw new Refusal('conflict', `the username ${username} is taken`, {
          reason: 'username taken',
        });
      }
    }
    await applySettings(tx, username, settings);
    if (onboarding !== 'credentials') {
      await tx.query('UPDATE account SET password_unset = true WHERE username = $1', [username]);
    }
    if (onboarding === 'invite') {
      await sendVerification(tx, { keyring, queue, now }, { username, name, email, language });
    }
    const detail = { masterAccount: masterAccount ?? username, ...settings };
    await audit(tx, actor, { action: 'account added', account: username, detail }, now);
    if (onboarding !== 'credentials') return { username, credentials: undefined };
    return { username, credentials: { password, apikey: await keyOf(tx, keyring, username) } };
  });
}
