import type { Role } from '../role.ts';

/** The account that a key belongs to. */
export interface Caller {
  username: number;
  role: Role;
  billingAccount: number;
  /** whether it is a named key, which may only read */
  isReadOnly: boolean;
}
