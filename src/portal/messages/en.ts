import type { Language } from '../../language.ts';
import { enAudit } from './en-audit.ts';
import { enCustomer } from './en-customer.ts';
import { enOperator } from './en-operator.ts';
import { enPriceFault, enProblems } from './en-problems.ts';
import { enReference } from './en-reference.ts';
import { enWebhooks } from './en-webhooks.ts';
import { enWork } from './en-work.ts';
import { countedIn } from './plural.ts';

const plural = countedIn('en-US');

interface ChangedField {
  text: string;
  isTick: boolean;
  actor: string | undefined;
}

/** The pages in English. Texts with values are functions. */
export const en = {
  language: 'en' as Language,
  /** of dates and of numbers; English has several ways to write them */
  locales: { dates: 'en-GB', numbers: 'en-US' },
  problems: enProblems,
  priceFault: enPriceFault,
  operator: { ...enOperator, ...enWork, ...enAudit },
  reference: enReference,
  webhooks: enWebhooks,
  ago: (span: string) => `${span} ago`,
  units: {
    day: (count: number) => plural(count, 'day', 'days'),
    hour: (count: number) => plural(count, 'hour', 'hours'),
    minute: (count: number) => plural(count, 'minute', 'minutes'),
    second: (count: number) => plural(count, 'second', 'seconds'),
  },
  count: (value: number) => value.toLocaleString('en-US'),
  /** @param month such as `2026-12` */
  month: (month: string) =>
    new Date(`${month}-01T00:00Z`).toLocaleDateString('en-GB', {
      month: 'long',
      year: 'numeric',
      timeZone: 'UTC',
    }),
  plots: {
    day: 'Day',
    hour: 'Hour',
    month: 'Month',
    showTable: 'Show the figures as a table',
    count: (value: number) => value.toLocaleString('en-US'),
    /** at an axis: a large count is shortened */
    axisCount: (value: number) =>
      value.toLocaleString('en-US', { notation: value < 10_000 ? 'standard' : 'compact' }),
  },
  table: { details: 'Details' },
  layout: {
    skip: 'Skip to the content',
    navigation: 'Main',
    menu: 'Menu',
    signOut: 'Sign out',
    apiReference: 'API reference',
    replaceSipSecret: 'Replace the SIP secret',
    help: 'Help',
  },
  navigation: {
    account: 'Account',
    overview: 'Overview',
    calls: 'Calls',
    rates: 'Rates',
    charges: 'Charges',
    api: 'API',
    settings: 'Settings',
  },
  stepUp: {
    title: 'Please confirm that it is you',
    text: 'This takes your password once more. Nothing is changed yet.',
    submit: 'Confirm',
  },
  /** Shown once, on the page after the form that did it. */
  flash: {
    'signed-out': 'You are signed out.',
    'session-over': 'Your session has ended, so nothing was changed. Please sign in again.',
    'draft-kept':
      'Your session had ended before the form was sent. What you typed is below: please send it again.',
    'password-changed':
      'Your password is changed. Other sessions have ended, and the API key is new. Phones keep their SIP secret: replace it, too, if someone else may know it.',
    'second-factor-off': 'The second factor is off. Your password alone opens the account.',
    'second-factor-required': 'The staff needs a second factor here. Please set it up first.',
    'session-ended': 'Ended. That browser has to sign in again.',
    'address-mailed':
      'We have mailed a link to your present address and one to the new one. The address changes when both were used.',
    'verification-sent': 'We have sent the link. Please check your mail.',
    welcome: 'Welcome. Your address is verified and your password is set.',
    saved: 'Saved.',
    posted: 'Posted.',
    'posted-before': 'This was posted already; nothing changed.',
    added: 'Added.',
    removed: 'Removed.',
    'mail-retried': 'The mail is sent again.',
    closed: 'The account is closed.',
    'replay-started': 'The replay has begun. Records disappear here as they are dealt with.',
    replayed: 'The record is dealt with.',
    dismissed: 'The record is dismissed.',
  },
  /** @param actor such as `administrator 2345678901` */
  changedMeanwhile: ({ text, isTick, actor = 'someone' }: ChangedField) => {
    const value = isTick ? text || 'off' : text && `“${text}”`;
    return `Meanwhile ${actor} changed this to ${value || 'nothing'}. Save again to have yours in its place.`;
  },
  changedBy: { staff: 'our staff', account: 'someone signed in to this account' },
  errors: {
    notFound: 'There is no such page',
    notFoundText: 'The address may be mistyped, or the page may have moved.',
    forged: 'This form is no longer valid',
    forgedText:
      'Please open the page again and send the form from there. Your browser must accept cookies from this site.',
    role: 'Your role does not permit this',
    roleText: 'An administrator can do it, or give you another role.',
    tooOften: 'Too many attempts',
    tooOftenText: (wait: string) => `Please try again in ${wait}.`,
    tooLarge: 'That is too large',
    tooLargeText: 'What your browser sent is larger than this page takes.',
    badRequest: 'That did not work',
    badRequestText: 'What your browser sent could not be understood.',
    brokeOff: 'The answer broke off. Please load the page again.',
    unavailable: 'The service is not available right now',
    unavailableText: 'Nothing was lost. Please try again in a few seconds.',
    internal: 'Something went wrong on our side',
    internalText: (id: string) =>
      `It has been noted. Should you contact us, please name this number: ${id}`,
    home: 'Back to the start',
  },
  landing: {
    title: (brand: string) => `Your account with ${brand}`,
    lead: 'Calls, costs and phones in one place, up to the minute.',
    abilities: {
      overview: { title: 'Balance', text: 'What is left, and how long it lasts at your pace.' },
      calls: {
        title: 'Calls',
        text: 'Each call with its cost: searched, summed by day, downloaded as a file.',
      },
      charges: { title: 'Charges', text: 'Monthly charges, payments and a statement to print.' },
      phone: {
        title: 'Phones',
        text: 'What your phone or PBX needs, and whether it is registered.',
      },
      api: { title: 'API', text: 'The same data for your programs, with a key of your own.' },
    },
    signIn: 'Sign in',
    signUp: 'Create an account',
  },
  signIn: {
    title: 'Sign in',
    login: 'Username or e-mail address',
    password: 'Password',
    submit: 'Sign in',
    forgotten: 'Forgotten your password?',
    signUp: 'Create an account',
    wrong:
      'The username, e-mail address or password is not right. If several accounts use your e-mail address, sign in with the 10-digit username.',
  },
  signUp: {
    title: 'Create an account',
    lead: 'We send you a mail with a link. There you choose your password.',
    promoHint: 'If you have one. It is credited once your address is verified.',
    submit: 'Create the account',
    signIn: 'I have an account already',
    sent: (email: string) => `Please check your mail: we have written to ${email}.`,
  },
  recover: {
    title: 'Recover your password',
    lead: 'We send a link with which you choose a new password, for each account of the address.',
    submit: 'Send the mail',
    sent: (email: string) =>
      `Please check your mail: if ${email} has an account, we have written to it.`,
    again: 'Try again',
  },
  verifyAgain: {
    title: 'Send the verification mail again',
    lead: 'We send a new link to an address that is not verified yet. Older links then no longer work.',
    submit: 'Send the mail',
    sent: (email: string) =>
      `Please check your mail: if ${email} waits to be verified, we have written to it.`,
    again: 'Try again',
  },
  checkMail: {
    title: 'Check your mail',
    patience: 'It can take a minute. If nothing comes, please look into the spam folder as well.',
  },
  fields: {
    name: 'Name or company',
    email: 'E-mail address',
    promo: 'Promotion code (optional)',
    promoProblem: 'This code is not known, has expired or is used up.',
  },
  newPassword: {
    label: 'New password',
    hint: (shortest: number, longest: number) =>
      `${shortest} to ${longest} characters. Several words make a good one.`,
    repeated: 'The same once more',
    differ: 'The two passwords differ.',
    problems: {
      short: (shortest: number, _longest: number) => `Please use at least ${shortest} characters.`,
      long: (_shortest: number, longest: number) => `Please use at most ${longest} characters.`,
      common: () => 'This is one of the passwords that are guessed first. Please choose another.',
      own: () => 'Please choose one that others do not know of you.',
    },
  },
  mailedLink: {
    unknown: 'This link is not known. Please check that it was copied whole.',
    expired: 'This link has expired.',
    used: 'This link has been used already.',
    replaced: 'A newer mail with another link was sent since. Please use that one.',
  },
  confirmAddress: {
    title: 'Change of address',
    ask: (username: number) => `Please confirm the new e-mail address of account ${username}.`,
    submit: 'Confirm the change',
    half: 'Thank you. The address changes once the other address has confirmed it, too.',
    changed: 'Thank you. The address is changed.',
    next: 'Go on',
    failed: 'Not confirmed',
    again: 'Ask for the change again',
  },
  verify: {
    title: 'Verify your address',
    ask: 'Please confirm that this is your e-mail address.',
    submit: 'Verify my address',
    chooseTitle: 'Choose a password',
    chooseLead: (username: number) =>
      `Your account is ${username}. The password you choose here opens it from now on.`,
    choose: 'Verify and sign in',
    doneTitle: 'Address verified',
    done: 'Thank you. Your e-mail address is verified.',
    next: 'Go on',
    failedTitle: 'Not verified',
    again: 'Send the mail again',
  },
  reset: {
    title: 'Choose a new password',
    account: (username: number) =>
      `For account ${username}. A new password also changes the API key.`,
    submit: 'Change the password',
    doneTitle: 'Password changed',
    done: (username: number) => `The password of account ${username} is changed.`,
    keyChanged: 'Its old API key no longer works; the new one is on the API page.',
    sipSecretStays:
      'Phones keep their SIP secret. Replace it, too, if someone else may know it: whoever has it calls at your expense.',
    replaceSipSecret: 'Sign in and replace the SIP secret',
    failedTitle: 'Password not changed',
    again: 'Ask for a new mail',
  },
  ...enCustomer,
};

/** Every text of the pages; another language is one more object of this type. */
export type Messages = typeof en;
