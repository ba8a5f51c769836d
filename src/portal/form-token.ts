import type { Keyring } from '../domain/sealing/keyring.ts';

/**
 * The token that the forms of one browser carry, and of one account in it. It does not depend on
 * the session: a form that was open while the session ended is good again after signing in.
 * @param device the browser's secret
 * @param username of who is signed in; undefined: nobody is
 */
export function formToken(keyring: Keyring, device: string, username?: number): string {
  return keyring.digest(formSecret(device, username)).toString('base64url');
}

/** Whether a form carries the token of this browser and account. */
export function isFormToken(
  keyring: Keyring,
  token: string,
  device: string,
  username?: number,
): boolean {
  return keyring.matches(formSecret(device, username), Buffer.from(token, 'base64url'));
}

function formSecret(device: string, username: number | undefined): string {
  return `form token ${username ?? ''} ${device}`;
}
