import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Brand, BrandColors } from '../brand.ts';

const { resolve } = createRequire(import.meta.url);
const FOREVER = 'public, max-age=31536000, immutable';
const CSS = 'text/css; charset=utf-8';
const STYLES = [
  'base',
  'layout',
  'visitor',
  'components',
  'forms',
  'figures',
  'attention',
  'tables',
  'remarks',
  'plot',
  'print',
];
const SCRIPT = 'text/javascript; charset=utf-8';

interface Asset {
  /** contains the content's digest, so browsers may keep it forever */
  url: string;
  type: string;
  body: Buffer;
  packed: Buffer | undefined;
}

const own = (name: string) => readFileSync(new URL(`./static/${name}`, import.meta.url));
const installed = (path: string) => readFileSync(resolve(path));

const font = asset(
  'inter.woff2',
  'font/woff2',
  installed('@fontsource-variable/inter/files/inter-latin-wght-normal.woff2'),
);
const style = (name: string, css: Buffer) =>
  asset(name, CSS, Buffer.from(css.toString().replaceAll('/assets/inter.woff2', font.url)));

/** The files that pages load; this service serves all of them. */
export const assets = {
  font,
  style: style('portal.css', Buffer.concat(STYLES.map((name) => own(`${name}.css`)))),
  noScript: style('no-script.css', own('no-script.css')),
  script: asset('portal.js', SCRIPT, own('portal.js')),
  referenceStyle: style('reference.css', own('reference.css')),
  referenceScript: asset('reference.js', SCRIPT, own('reference.js')),
} as const;

/** The brand as pages show it, with the addresses of its files. */
export interface ShownBrand
  extends Pick<Brand, 'name' | 'supportEmail' | 'supportUrl' | 'howToPay'> {
  styleUrl: string;
  logoUrl: string | undefined;
  /** the brand's initial on its colour, as an image */
  markUrl: string;
}

/** The brand as pages show it. */
export function showBrand(brand: Brand): ShownBrand {
  const { name, supportEmail, supportUrl, howToPay } = brand;
  const { colors, logo, mark } = brandAssets(brand);
  return {
    name,
    supportEmail,
    supportUrl,
    howToPay,
    styleUrl: colors.url,
    logoUrl: logo?.url,
    markUrl: mark.url,
  };
}

/** Serves the files that pages load, and those of the brand. */
export function serveAssets(app: FastifyInstance, brand: Brand): void {
  const { colors, logo, mark } = brandAssets(brand);
  for (const file of [...Object.values(assets), colors, logo, mark]) {
    if (!file) continue;
    app.get(file.url.split('?')[0] ?? '', (request, reply) => send(request, reply, file));
  }
}

function brandAssets(brand: Brand) {
  return {
    colors: asset('brand.css', CSS, brandColors(brand)),
    logo: brand.logo && asset('logo', brand.logo.type, brand.logo.bytes),
    mark: asset('mark.svg', 'image/svg+xml', brandMark(brand)),
  };
}

/** The first letter or digit of the brand's name on the colour of its buttons. */
function brandMark({ name, light }: Brand): Buffer {
  const initial = name.match(/[\p{L}\p{N}]/u)?.[0]?.toUpperCase() ?? '';
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="${light.fill}"/><text x="16" y="23" text-anchor="middle" font-family="Inter,system-ui,sans-serif" font-weight="700" font-size="20" fill="${light.onFill}">${initial}</text></svg>\n`,
  );
}

/** The brand's colours, as the variables that the other styles use. */
function brandColors({ light, dark }: Brand): Buffer {
  const value = (name: keyof BrandColors) => `light-dark(${light[name]}, ${dark[name]})`;
  return Buffer.from(
    `:root{--fill:${value('fill')};--on-fill:${value('onFill')};--accent:${value('accent')}}\n`,
  );
}

function asset(name: string, type: string, body: Buffer): Asset {
  const digest = createHash('sha256').update(body).digest('hex').slice(0, 12);
  const packed = type.startsWith('text/') ? gzipSync(body) : undefined;
  return { url: `/assets/${name}?v=${digest}`, type, body, packed };
}

/** Whether an answer may be compressed. */
export function takesGzip({ headers }: FastifyRequest): boolean {
  return /\bgzip\b/.test(headers['accept-encoding'] ?? '');
}

function send(request: FastifyRequest, reply: FastifyReply, file: Asset): FastifyReply {
  reply.type(file.type).header('cache-control', FOREVER);
  if (file.packed) reply.header('vary', 'accept-encoding');
  if (!file.packed || !takesGzip(request)) return reply.send(file.body);
  return reply.header('content-encoding', 'gzip').send(file.packed);
}
