import type { CreatedAccount } from '../../domain/account/new-account.ts';
import { Type } from '../../http/schema.ts';

/** A new account in the only answer that shows its password. */
export const createdAccount = {
  username: Type.String(),
  password: Type.String(),
  name: Type.String(),
  email: Type.String(),
};

export const createdAccountExample = {
  username: '4592086960',
  password: 'k7Tq29mXwa',
  name: 'Example Company',
  email: 'user@example.com',
};

/** The members of an answer, as JSON text. */
export function createdAccountText({ username, password, name, email }: CreatedAccount): string {
  return JSON.stringify({ username: String(username), password, name, email }).slice(1, -1);
}
