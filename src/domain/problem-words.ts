import { PREFIX_FAULTS, type ProblemWords, type ValueProblem } from './problem.ts';

const URL_FAULTS = {
  form: 'Must be a URL such as https://crm.example.com/events.',
  long: 'Must have at most 2000 characters.',
  https: 'Must begin with https://; http is for hosts of WEBHOOK_ALLOW.',
  user: 'Must not contain a user or a password.',
  fragment: 'Must not contain a fragment.',
  port: 'Must have port 443, or a port from 1024 on.',
  private: 'Must have public addresses, or addresses of WEBHOOK_ALLOW.',
  unknown: 'Must have a host that can be resolved.',
};

/** The sentences of the command and the operators' API for invalid values. */
export const PROBLEM_WORDS: ProblemWords<ValueProblem> = {
  username: () => 'Must be a 10-digit number.',
  wholeNumber: ({ least, most }) => `Must be a whole number from ${least} to ${most}.`,
  amount: () => 'Must be an amount above 0 with at most six decimals, such as 25 or 0.017500.',
  monthlyAmount: () =>
    'Must be an amount a month, 0 or more, with at most six decimals, such as 1.50.',
  moneyOrMore: () => 'Must be an amount, 0 or more, with at most six decimals, such as 500.',
  listName: () =>
    'Must be 1 to 63 letters, digits, dots, dashes or underscores, the first a letter or digit.',
  prefix: ({ fault }) => `${PREFIX_FAULTS[fault].replace(/^m/, 'M')}.`,
  rate: () => 'Must be an amount per minute, at most 999999.999999, such as 0.025.',
  increment: ({ most }) =>
    'Must be minimum/increment in seconds, such as 6/6: a minimum from 0, an increment from 1, ' +
    `both up to ${most}.`,
  callerId: () => "Must be a 10-digit number, or '' or none to clear it.",
  assignableNumber: () => 'Must be digits: ten of them, or a + or 011 and the country code first.',
  calledNumber: () => 'Must be a number as it is dialled, such as +442055501234.',
  onOff: () => 'Must be on or off.',
  oneOf: ({ words }) => `Must be ${words.join(' or ')}.`,
  accountName: () => 'Must be 1 to 100 characters.',
  email: () => 'Must be an e-mail address such as user@example.com.',
  country: () => 'Must be the two letters of a country with phone numbers, such as US or GB.',
  timeZone: () => 'Must be a time zone such as UTC or Europe/Berlin.',
  month: () => 'Must be a month such as 2030-12.',
  words: ({ most }) => `Must be 1 to ${most} characters in one line.`,
  reserved: ({ words }) => `Must not be ${words.join(' or ')}, which mrc uses.`,
  promotionCode: () => 'Must be 1 to 64 letters, digits, dots, dashes or underscores.',
  until: () =>
    'Must be a day such as 2030-12-31 (its end in UTC) or a time such as 2030-12-31T18:00:00Z.',
  from: () =>
    'Must be a day such as 2030-12-31 (its start in UTC) or a time such as 2030-12-31T18:00:00Z.',
  past: () => 'Must not be past.',
  feedName: () =>
    'Must be 1 to 63 lower-case letters, digits, dots, dashes or underscores, ' +
    'the first a letter or digit.',
  externalId: () => 'Must be 1 to 100 printable ASCII characters, no blank at either end.',
  sipUser: () => 'Must be 1 to 64 letters, digits, dots, dashes, plus signs or underscores.',
  reservedReference: () =>
    "Must not begin with 'reversal of ', 'settlement of ', 'promotion ' or 'rerating ', " +
    "nor be 'opening balance'.",
  scopes: ({ unknown, words }) =>
    `${unknown ? `There is no scope ${unknown}` : 'Must be one scope or more'}; there are ${words.join(', ')}.`,
  url: ({ fault }) => URL_FAULTS[fault],
  subscriptions: ({ unknown, words }) =>
    `${unknown ? `There is no event ${unknown}` : 'Must be one type of event or more'}; there are ${words.join(', ')}.`,
  network: () => 'Must be an address or a CIDR such as 192.0.2.0/24 or 2001:db8::/32.',
};
