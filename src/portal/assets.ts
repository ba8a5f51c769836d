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
  'components',
  'forms',
  'figures',
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
export interface ShownBrand extends Pick<Brand, 'name' | 'supportEmail' | 'supportUrl'> {
  styleUrl: string;
  logoUrl: string | undefined;
}

export function showBrand(brand: Brand): ShownBrand {
  const { name, supportEmail, supportUrl } = brand;
  const { colors, logo } = brandAssets(brand);
  return { name, supportEmail, supportUrl, styleUrl: colors.url, logoUrl: logo?.url };
}

export function serveAssets(app: FastifyInstance, brand: Brand): void {
  const { colors, logo } = brandAssets(brand);
  for (const file of [...Object.values(assets), colors, logo]) {
    if (!file) continue;
    app.get(file.url.split('?')[0] ?? '', (request, reply) => send(request, reply, file));
  }
}

function brandAssets(brand: Brand) {
  return {
    colors: asset('brand.css', CSS, brandColors(brand)),
    logo: brand.logo && asset('logo', brand.logo.type, brand.logo.bytes),
  };
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
