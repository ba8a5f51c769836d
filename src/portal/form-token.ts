import type { Keyring } from '../domain/sealing/keyring.ts';

/**
 * The token in the forms of one browser and one account. It does not depend on the session: if the
 * session ends while a form is open, the form is valid again after signing in.
 * @param device the browser's secret
 * @param username of the account that is signed in; undefined: none
 */
export function formToken(keyring: Keyring, device: string, username?: number): string {
  return keyring.digest(formSecret(device, username)).toString('base64url');
}

/** Whether a form's token is that of this browser and account. */
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
