import { PREFIX_FAULTS, type PrefixFault } from '../problem.ts';

const NORTH_AMERICAN_PREFIX = /^1-[2-9][0-9]{2}(?:-[0-9]{1,4}){0,2}$/;

/** A text is no prefix; the message says what a prefix is. */
export class InvalidPrefix extends Error {
  readonly fault: PrefixFault;

  constructor(fault: PrefixFault) {
    super(PREFIX_FAULTS[fault]);
    this.fault = fault;
  }
}

/**
 * A prefix in digits. A leading plus, blanks and the dashes of 1-809 are removed.
 * @throws InvalidPrefix also for digits that begin no number
 */
export function readPrefix(text: string): string {
  const plain = text.replace(/^\+/, '').replaceAll(' ', '');
  const digits = NORTH_AMERICAN_PREFIX.test(plain) ? plain.replaceAll('-', '') : plain;
  if (/^[0-9]+[-–][0-9]+$/.test(digits)) {
    throw new InvalidPrefix('range');
  }
  if (/^(?:00|011)[0-9]/.test(digits)) {
    throw new InvalidPrefix('exit code');
  }
  if (!/^[0-9]{1,15}$/.test(digits)) {
    throw new InvalidPrefix('form');
  }
  return digits;
}
