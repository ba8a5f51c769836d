/** The account that a key belongs to. */
export interface Caller {
  username: number;
  role: 'customer' | 'administrator';
  billingAccount: number;
}
