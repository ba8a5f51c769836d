import type { Problem, ProblemWords } from '../../domain/problem.ts';
import { type PriceFault, priceFaultText } from '../../domain/rating/price-fault.ts';

const URL_FAULTS = {
  form: 'Please give a URL such as https://crm.example.com/events.',
  long: 'Please give at most 2000 characters.',
  https: 'Please give a URL that begins with https://.',
  user: 'Please give a URL without a user and password.',
  fragment: 'Please give a URL without a fragment.',
  port: 'Please give port 443, or a port from 1024 on.',
  private: 'Please give a host with public addresses, or list it in WEBHOOK_ALLOW.',
  unknown: 'This host is not known. Please check the URL.',
};

const PREFIX_FAULTS = {
  range: 'Please give each prefix by itself, not a range.',
  'exit code': 'Please begin with the country code, without 00 or 011.',
  form: 'Please give the first digits of numbers, the country code first, such as 4479.',
};

/** The fault of a price file's line, in English. */
export const enPriceFault = (fault: PriceFault) => priceFaultText(fault);

/** Texts for faults in typed values, in English. */
export const enProblems: ProblemWords<Problem> = {
  username: () => 'Please give a username of 10 digits.',
  wholeNumber: ({ least, most }) => `Please give a whole number from ${least} to ${most}.`,
  amount: () => 'Please give an amount above 0 with at most six decimals, such as 25 or 0.0175.',
  monthlyAmount: () => 'Please give an amount a month, 0 or more, such as 1.50.',
  moneyOrMore: () => 'Please give an amount, 0 or more, such as 500.',
  listName: () =>
    'Please give 1 to 63 letters, digits, dots, dashes or underscores, the first a letter or digit.',
  prefix: ({ fault }) => PREFIX_FAULTS[fault],
  rate: () => 'Please give an amount per minute, at most 999999.999999, such as 0.025.',
  increment: ({ most }) =>
    `Please give minimum/increment in seconds, such as 6/6: a minimum from 0, an increment from 1, both up to ${most}.`,
  callerId: () => 'Please give a number of 10 digits, or nothing.',
  assignableNumber: () =>
    'Please give digits: ten of them, or a + or 011 and the country code first.',
  calledNumber: () => 'Please give a number as it is dialled, such as +442055501234.',
  onOff: () => 'This is either on or off.',
  oneOf: ({ words }) => `Please choose one of ${words.join(', ')}.`,
  accountName: () => 'Please give a name of 1 to 100 characters.',
  email: () => 'This is not an e-mail address, such as user@example.com.',
  country: () => 'Please give the two letters of a country with phone numbers, such as US or GB.',
  timeZone: () => 'This time zone is not known. Please give one such as UTC or Europe/Berlin.',
  month: () => 'Please give a month such as 2030-12.',
  words: ({ most }) => `Please give 1 to ${most} characters in one line.`,
  reserved: ({ words }) => `This cannot be ${words.join(' or ')}: the API uses these names.`,
  promotionCode: () => 'Please give 1 to 64 letters, digits, dots, dashes or underscores.',
  until: () => 'Please give a day such as 2030-12-31.',
  from: () => 'Please give a day such as 2030-12-31.',
  past: () => 'This day is past.',
  feedName: () =>
    'Please give 1 to 63 lower-case letters, digits, dots, dashes or underscores, the first a letter or digit.',
  network: () => 'Please give addresses or CIDRs such as 192.0.2.0/24 or 2001:db8::/32.',
  sipUser: () => 'Please give 1 to 64 letters, digits, dots, dashes, plus signs or underscores.',
  externalId: () => 'Please give 1 to 100 printable ASCII characters.',
  reservedReference: () => 'The service uses this reference itself. Please give another one.',
  url: ({ fault }) => URL_FAULTS[fault],
  subscriptions: ({ unknown }) =>
    unknown ? `There is no event ${unknown}.` : 'Please give one type of event or more.',
  scopes: ({ unknown }) =>
    unknown ? `There is no scope ${unknown}.` : 'Please give one scope or more.',
  noPriceList: () => 'There is no such price list.',
  numberNotOwned: () =>
    'This is not a phone number of your account. Please give one of them, or nothing.',
  numberInUse: ({ number }) => `The number ${number} is in use.`,
  creditLimitPrepaid: () => 'This account is prepaid; a credit limit is for postpaid accounts.',
  billedTo: ({ account, payer }) => `${account} is billed to ${payer}; please use that account.`,
  paysFor: ({ account, other }) => `${other} is billed to ${account}; please close it first.`,
  lastAdministrator: ({ account }) =>
    `${account} is the last administrator; make another one first, on the page Staff.`,
  emergencyPrefix: ({ prefix }) => `${prefix} is an emergency number, which nothing may block.`,
  noBillingAccount: () => 'This is not an open account that pays for itself.',
  feedExists: ({ name }) => `There is a feed ${name} already.`,
  feedTellsNoDebits: ({ format }) => `Records of ${format} do not tell what the switch debited.`,
  externalIdTaken: ({ externalId }) => `Another account has the external ID ${externalId}.`,
  tooManyKeys: ({ most }) =>
    `An account has ${most} keys at most. Please revoke one that is not needed.`,
  noPrices: () => 'There is no price to replace the list with.',
  pricePast: ({ prefix, at }) => `${prefix} would count from ${at}, which is past.`,
  priceTwice: ({ prefix, at }) => `${prefix} has two prices from ${at} on.`,
  priceEndUnknown: () =>
    'Lines have dates of their own: please say from when the prices end that the file does not have.',
  promotionExists: ({ code }) => `There is a promotion ${code} already.`,
};
