/** Who a key speaks for. */
export interface Caller {
  username: number;
  role: 'customer' | 'administrator';
  billingAccount: number;
}
