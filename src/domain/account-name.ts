/** The form of a username, in the API's words. */
export const USERNAME_REQUIREMENT = 'Must be a 10-digit number';

/** The form of a username, as a regular expression. */
export const USERNAME_PATTERN = '^[1-9][0-9]{9}$';
const USERNAME = new RegExp(USERNAME_PATTERN);

/** Whether a text is a username: ten digits, the first one not 0. */
export function isUsername(text: string): boolean {
  return USERNAME.test(text);
}

const LONGEST_NAME = 100;
const SIP_USER = /^[A-Za-z0-9_.+-]{1,64}$/;

/**
 * Whether a text can be the user of a phone's SIP address. These characters need no escapes in a SIP
 * URI (RFC 3261, section 25.1), in XML or in a switch's expressions.
 */
export function isSipUser(text: unknown): text is string {
  return typeof text === 'string' && SIP_USER.test(text);
}

/** Controls, ends of lines, and what turns the direction of the text beside it (UAX #9, 2). */
const NOT_IN_NAMES = '\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069';
/** One line that is not blank. The parts start with different characters, so it is linear. */
export const NAME_PATTERN = `^[^\\S${NOT_IN_NAMES}]*[^\\s${NOT_IN_NAMES}][^${NOT_IN_NAMES}]*$`;
const NAME = new RegExp(NAME_PATTERN, 'u');

/** A name of an account: 1 to 100 characters in one line, not blank. */
export function isAccountName(text: string): boolean {
  // A character takes one or two units of a string's length.
  if (text.length > 2 * LONGEST_NAME) return false;
  return [...text].length <= LONGEST_NAME && NAME.test(text);
}
