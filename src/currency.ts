/** A currency by its code in ISO 4217, such as `EUR`. */
export type Currency = string;

// The currencies without two decimals, as Intl.NumberFormat has them. To load that takes a tenth of
// the time of a command.
const NO_DECIMALS =
  'AFN ALL BIF CLP COP DJF GNF HUF IDR IQD IRR ISK JPY KMF KPW KRW LAK ' +
  'LBP MGA MMK PKR PYG RWF SLL SOS SYP UGX VND VUV XAF XOF XPF YER';
const THREE_DECIMALS = 'BHD JOD KWD LYD OMR TND';

/** Whether a text is the code of a currency. */
export function isCurrency(text: string): boolean {
  return Intl.supportedValuesOf('currency').includes(text);
}

/** The decimals of a currency's smallest unit: 2 for EUR, 0 for JPY, 3 for KWD. */
export function decimalsOf(currency: Currency): number {
  if (NO_DECIMALS.includes(currency)) return 0;
  return THREE_DECIMALS.includes(currency) ? 3 : 2;
}
