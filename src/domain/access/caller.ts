import type { Role } from '../role.ts';

/** The account that a key belongs to. */
export interface Caller {
  username: number;
  role: Role;
  billingAccount: number;
}
