import { keyForPassword } from '../domain/access/api-key.ts';
import { Refusal } from '../domain/refusal.ts';
import { originOf } from './client-address.ts';
import type { Call } from './operation.ts';
import { type LoggedSignIn, logSignIn } from './sign-in-log.ts';

/**
 * Checks an account's password and returns its API key; each attempt is logged.
 * @param login what the client sent; the username is a number or a string of digits
 * @throws Refusal 'unauthorized', 'rate limited'
 */
export async function answerKey(
  call: Pick<Call<never>, 'service' | 'clientAddress' | 'log'>,
  login: { username: number | string; password: string },
): Promise<string> {
  const { db, keyring, signInFailures, clock } = call.service;
  const username = Number(login.username);
  const log = (result: LoggedSignIn['result']) =>
    logSignIn(call, { account: username, result, factor: 'password', for: 'api key' });
  const from = originOf(call.clientAddress);
  try {
    const attempt = { username, password: login.password, from, now: clock() };
    const key = await keyForPassword(db, keyring, signInFailures, attempt);
    log('passed');
    return key;
  } catch (error) {
    if (error instanceof Refusal) log(error.code === 'rate limited' ? 'rate limited' : 'failed');
    throw error;
  }
}
