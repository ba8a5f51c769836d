import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { extname } from 'node:path';

/** A carrier's own brand, in pages and in mails. */
export interface Brand {
  name: string;
  /** undefined: the name is shown instead */
  logo: Logo | undefined;
  light: BrandColors;
  dark: BrandColors;
  supportEmail: string | undefined;
  supportUrl: string | undefined;
  /** a text, or the address of a page, in which `{username}` stands for the account */
  howToPay: string | undefined;
}

export interface Logo {
  type: 'image/png' | 'image/jpeg' | 'image/gif' | 'image/svg+xml';
  bytes: Buffer;
  /** changes with the content, for addresses that browsers cache */
  digest: string;
}

/** Colours as `#rrggbb`, each readable (4.5 to 1) on its intended background. */
export interface BrandColors {
  /** background of buttons */
  fill: string;
  /** text on buttons */
  onFill: string;
  /** links and marks on the background of a page */
  accent: string;
}

const LARGEST_LOGO_BYTES = 256 * 1024;
const WHITE = '#ffffff';
const BLACK = '#000000';
// The backgrounds of pages and mails with the least contrast.
const LIGHT_GROUND = '#f4f4f5';
const DARK_GROUND = '#27272a';
// WCAG 2.2, 1.4.3.
const READABLE = 4.5;
const STEPS = 20;

/**
 * @param color `#rrggbb`
 * @param darkColor the same for dark pages; undefined: made from `color`
 */
export function brandColors(
  color: string,
  darkColor: string | undefined,
): { light: BrandColors; dark: BrandColors } {
  const fill = { fill: color, onFill: textOn(color) };
  const dark = darkColor ? { fill: darkColor, onFill: textOn(darkColor) } : fill;
  return {
    light: { ...fill, accent: readableOn(LIGHT_GROUND, color, BLACK) },
    dark: { ...dark, accent: readableOn(DARK_GROUND, darkColor ?? color, WHITE) },
  };
}

/** @throws Error that names the fault of the file */
export function readLogo(path: string): Logo {
  const size = statSync(path).size;
  if (size > LARGEST_LOGO_BYTES) {
    throw new Error(`is ${size} bytes large; at most ${LARGEST_LOGO_BYTES} are allowed`);
  }
  const bytes = readFileSync(path);
  const type = imageType(bytes, extname(path).toLowerCase());
  if (!type) throw new Error('is neither a PNG, a JPEG, a GIF nor an SVG image');
  return { type, bytes, digest: createHash('sha256').update(bytes).digest('hex').slice(0, 16) };
}

function imageType(bytes: Buffer, extension: string): Logo['type'] | undefined {
  if (bytes.subarray(0, 8).equals(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))) return 'image/png';
  if (bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))) return 'image/jpeg';
  if (/^GIF8[79]a/.test(bytes.toString('latin1', 0, 6))) return 'image/gif';
  const isSvg = extension === '.svg' && bytes.includes('<svg');
  return isSvg ? 'image/svg+xml' : undefined;
}

function textOn(color: string): string {
  return contrast(WHITE, color) >= contrast(BLACK, color) ? WHITE : BLACK;
}

/** The colour, or the nearest colour towards `toward` that is readable on the background. */
function readableOn(ground: string, color: string, toward: string): string {
  for (let step = 0; step < STEPS; step++) {
    const mixed = mix(color, toward, step / STEPS);
    if (contrast(mixed, ground) >= READABLE) return mixed;
  }
  return toward;
}

function mix(from: string, to: string, share: number): string {
  const [a, b] = [channels(from), channels(to)];
  const mixed = a.map((value, index) => Math.round(value + ((b[index] ?? 0) - value) * share));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = channels(color).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function channels(color: string): number[] {
  return [1, 3, 5].map((start) => Number.parseInt(color.slice(start, start + 2), 16));
}
