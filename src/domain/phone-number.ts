// With a plus it is an international number, and only +1 is North America.
const NORTH_AMERICAN = /^(?:\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})$/;

/** A number as the API shows it: ten digits where it is North American, else as it came. */
export function plainNumber(text: string): string {
  return NORTH_AMERICAN.exec(text)?.[1] ?? text;
}

/** `plainNumber` of what people type, with marks between the digits; any other text as it is. */
export function typedNumber(text: string): string {
  return /^[ ()+.-]*[0-9][0-9 ()+.-]*$/.test(text)
    ? plainNumber(text.replace(/[ ().-]/g, ''))
    : text;
}
