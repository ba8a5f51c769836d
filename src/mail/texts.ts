/** The words of one kind of message. `{…}` stands for a value. */
export interface LetterTexts {
  subject: string;
  /** shown by mail programs beside the subject */
  preview: string;
  /** before the letter's lists and links */
  paragraphs: string[];
  /** label of the link, if the letter has one */
  button?: string;
  /** after the lists and links */
  closing: string[];
}

/** The words of everything else in a letter. */
export interface CommonTexts {
  /** of dates and amounts, such as `en-US` */
  locale: string;
  greeting: string;
  /** for mail to an address that is not verified, which must not contain a name */
  greetingUnverified: string;
  /** above the address that a button opens */
  fallback: string;
  /** used if there is a support address, a support page, or both */
  help: string;
  footer: string[];
  labels: Record<Label, string>;
}

export type Label =
  | 'account'
  | 'when'
  | 'where'
  | 'staff'
  | 'oldAddress'
  | 'newAddress'
  | 'balance'
  | 'threshold'
  | 'spent'
  | 'limit'
  | 'usual'
  | 'numbers'
  | 'part'
  | 'total'
  | 'or'
  | 'url'
  | 'since'
  | 'error';

export type LetterKind = keyof typeof LETTERS;

export interface MailTexts {
  common: CommonTexts;
  letters: Record<LetterKind, LetterTexts>;
}

const COMMON: CommonTexts = {
  locale: 'en-US',
  greeting: 'Hello {name},',
  greetingUnverified: 'Hello,',
  fallback: 'If the button does not work, open this address:',
  help: 'Questions? We are there for you: {support}',
  footer: ['You get this message because of your account with {brand}.'],
  labels: {
    account: 'Account',
    when: 'When',
    where: 'From',
    staff: 'our staff',
    oldAddress: 'Old address',
    newAddress: 'New address',
    balance: 'Balance',
    threshold: 'Warning below',
    spent: 'Cost of calls',
    limit: 'Daily limit',
    usual: 'Usual hour',
    numbers: 'Phone numbers',
    part: 'part of {month}',
    total: 'Total',
    or: 'or',
    url: 'Endpoint',
    since: 'Since',
    error: 'Last failure',
  },
};

const NOT_YOU =
  'If it was not you, choose a new password at once at {portal}/recover and tell us about it.';

const NOT_YOUR_CALLS =
  'If these are not your calls, replace the SIP secret at {portal}/phone at once and tell us.';

/**
 * The placeholders of each kind of message in addition to {brand}, {name}, {portal} and {support}.
 * {portal} is the address of the pages for customers, without a slash at the end. For an address
 * that is not verified, {name} is the account's number.
 */
export const PLACEHOLDERS = {
  verification: ['username', 'hours'],
  // in the button: the username of its link
  recovery: ['username', 'minutes'],
  'account exists': ['usernames'],
  'password changed': ['username', 'when', 'where'],
  'key changed': ['username', 'when', 'where'],
  'sip secret changed': ['username', 'when', 'where'],
  'confirm old address': ['username', 'hours', 'old', 'new'],
  'confirm new address': ['username', 'hours', 'old', 'new'],
  'address changed': ['username', 'when', 'where', 'old', 'new'],
  'second factor on': ['username', 'when', 'where'],
  'second factor off': ['username', 'when', 'where'],
  'low balance': ['username', 'balance', 'threshold'],
  'calls stopped': ['username', 'balance'],
  'daily limit near': ['username', 'spent', 'limit'],
  'daily limit reached': ['username', 'spent', 'limit'],
  'daily limit of a customer': ['username', 'spent', 'limit', 'percent'],
  'unusual hour': ['username', 'when', 'spent', 'usual'],
  'webhook failing': ['url', 'since', 'error'],
  'webhook disabled': ['url', 'since', 'error'],
  'monthly charge': ['username', 'month', 'amount', 'balance'],
} as const satisfies Record<LetterKind, readonly string[]>;

const LETTERS = {
  verification: {
    subject: 'Verify your e-mail address for {brand}',
    preview: 'One click, and your account {username} is ready.',
    paragraphs: [
      'Welcome to {brand}. Your account {username} was created. Please confirm that this is your ' +
        'e-mail address.',
    ],
    button: 'Verify my address',
    closing: [
      'The link works once, for {hours} hours.',
      'If you did not sign up, you need not do anything.',
    ],
  },
  recovery: {
    subject: 'Reset your {brand} password',
    preview: 'Choose a new password; the link works for {minutes} minutes.',
    paragraphs: ['Someone, hopefully you, asked to recover the password. Choose a new one here.'],
    button: 'New password for account {username}',
    closing: [
      'A link works once, for {minutes} minutes.',
      'If you did not ask for it, you need not do anything; your password stays as it is.',
    ],
  },
  'account exists': {
    subject: 'Your address has a {brand} account already',
    preview: 'Someone wanted to sign up with your e-mail address.',
    paragraphs: [
      'Someone, hopefully you, wanted to create an account with this e-mail address, which ' +
        'belongs to an account already: {usernames}. No other was created.',
      'If you have forgotten the password, choose a new one at {portal}/recover.',
    ],
    button: 'Sign in',
    closing: ['If it was not you, you need not do anything.'],
  },
  'password changed': {
    subject: 'Your {brand} password was changed',
    preview: 'The password of account {username} is a new one, and so is its API key.',
    paragraphs: [
      'The password of your account was changed. Its old API key no longer works; programs that ' +
        'use it need the new one.',
      'Your phones keep their SIP secret. If someone else may know it, replace it at ' +
        '{portal}/phone: whoever has it calls at your expense.',
    ],
    closing: [NOT_YOU],
  },
  'key changed': {
    subject: 'Your {brand} API key was changed',
    preview: 'Programs that use the old key of account {username} need the new one.',
    paragraphs: [
      'Your account has a new API key. The old one no longer works; programs that use it need ' +
        'the new one.',
    ],
    closing: [NOT_YOU],
  },
  'sip secret changed': {
    subject: 'Your {brand} SIP secret was changed',
    preview: 'Phones with the old secret of account {username} are refused.',
    paragraphs: [
      'Your account has a new SIP secret. Phones and PBXs with the old one are refused until they ' +
        'have the new one.',
    ],
    closing: [NOT_YOU],
  },
  'confirm old address': {
    subject: 'Confirm the change of your {brand} e-mail address',
    preview: 'Account {username} is to get another address.',
    paragraphs: [
      'Someone who is signed in to account {username} wants its mails to go to another address. ' +
        'Please confirm it here. The new address is asked, too.',
    ],
    button: 'Confirm the change',
    closing: [
      'The link works once, for {hours} hours.',
      'If it was not you, do not confirm it, and choose a new password at {portal}/recover.',
    ],
  },
  'confirm new address': {
    subject: 'Confirm your new e-mail address for {brand}',
    preview: 'Account {username} is to use this address.',
    paragraphs: [
      'Account {username} is to use this e-mail address. Please confirm that it is yours. The old ' +
        'address is asked, too.',
    ],
    button: 'Confirm my address',
    closing: [
      'The link works once, for {hours} hours.',
      'If you did not ask for it, you need not do anything.',
    ],
  },
  'address changed': {
    subject: 'Your {brand} e-mail address was changed',
    preview: 'Mails about account {username} go to another address from now on.',
    paragraphs: ['Mails about your account go to another address from now on.'],
    closing: ['If it was not you, tell us at once: whoever reads your mail can take your account.'],
  },
  'second factor on': {
    subject: 'Signing in to {brand} now takes a second step',
    preview: 'Account {username} asks for a code besides the password.',
    paragraphs: [
      'From now on, signing in to your account takes a code of your authenticator app besides ' +
        'the password. Keep the recovery codes in a safe place.',
    ],
    closing: [NOT_YOU],
  },
  'second factor off': {
    subject: 'Signing in to {brand} no longer takes a second step',
    preview: 'Account {username} asks for the password alone.',
    paragraphs: ['From now on, the password alone is enough to sign in to your account.'],
    closing: [NOT_YOU],
  },
  'low balance': {
    subject: 'Your {brand} balance is low',
    preview: '{balance} is left on account {username}.',
    paragraphs: ['The balance of your account went below the amount at which you want to be told.'],
    button: 'Look at my account',
    closing: ['Calls may stop when it is used up.'],
  },
  'calls stopped': {
    subject: 'Calls of your {brand} account have stopped',
    preview: 'The balance of account {username} is used up.',
    paragraphs: [
      'The balance of your account is used up, so calls are refused for now. They work again as ' +
        'soon as a payment has arrived that brings it back.',
    ],
    button: 'Look at my account',
    closing: [],
  },
  'daily limit near': {
    subject: 'Most of the daily limit of your {brand} account is spent',
    preview: 'Calls of account {username} cost {spent} today; the limit is {limit}.',
    paragraphs: [
      'Calls of your account have reached 80 percent of what they may cost in a day. At the limit, ' +
        'calls are refused until midnight in the time zone of your account.',
    ],
    button: 'Look at my account',
    closing: [NOT_YOUR_CALLS],
  },
  'daily limit reached': {
    subject: 'The daily limit of your {brand} account is reached',
    preview: 'Calls of account {username} are refused until midnight.',
    paragraphs: [
      'Calls of your account have reached what they may cost in a day, so calls that cost anything ' +
        'are refused until midnight in the time zone of your account, or until we raise the limit.',
    ],
    button: 'Look at my account',
    closing: [NOT_YOUR_CALLS],
  },
  'daily limit of a customer': {
    subject: 'Account {username} has reached {percent} % of its daily limit',
    preview: 'Its calls cost {spent} today; the limit is {limit}.',
    paragraphs: [
      'Calls of the account {username} have reached {percent} percent of what they may cost in a ' +
        'day. Please see whether they are its own, and raise the limit if it needs more.',
    ],
    button: 'Look at the account',
    closing: [],
  },
  'unusual hour': {
    subject: 'Account {username} calls for more than usual',
    preview: 'Its calls cost {spent} in one hour; its usual hour costs {usual}.',
    paragraphs: [
      'Calls of the account {username} cost far more than usual in the hour that began at {when}. ' +
        'Please see whether they are its own. A daily limit stops what is not.',
    ],
    button: 'Look at the account',
    closing: [],
  },
  'webhook failing': {
    subject: '{brand}: a webhook has failed for a day',
    preview: 'Events do not reach {url}.',
    paragraphs: [
      'One of your systems has not accepted any event for a day. The events wait and are tried ' +
        'again. After five days without a success the endpoint is disabled.',
    ],
    button: 'Look at the webhooks',
    closing: [],
  },
  'webhook disabled': {
    subject: '{brand}: a webhook was disabled',
    preview: 'No more events are sent to {url}.',
    paragraphs: [
      'One of your systems gets no more events, because it did not accept them. Enable the ' +
        'endpoint when the system works again, and replay the events that it missed.',
    ],
    button: 'Look at the webhooks',
    closing: [],
  },
  'monthly charge': {
    subject: 'Your {brand} charges for {month}',
    preview: '{amount} for {month}; your balance is {balance}.',
    paragraphs: ['The charges of your account {username} for {month} were posted:'],
    button: 'Look at my account',
    closing: [],
  },
} satisfies Record<string, LetterTexts>;

export const ENGLISH_TEXTS: MailTexts = { common: COMMON, letters: LETTERS };
