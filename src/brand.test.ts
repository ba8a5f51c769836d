import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { brandColors } from './brand.ts';
import { ConfigError, loadConfig } from './config.ts';

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==',
  'base64',
);

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'account-api-brand-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const file = async (name: string, content: string | Buffer) => {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
};

test('a brand without settings has the name of the software and no support address', () => {
  assert.deepEqual(loadConfig({}).brand, {
    name: 'Account API',
    logo: undefined,
    light: { fill: '#1d4ed8', onFill: '#ffffff', accent: '#1d4ed8' },
    dark: { fill: '#1d4ed8', onFill: '#ffffff', accent: '#6c8ce6' },
    supportEmail: undefined,
    supportUrl: undefined,
    howToPay: undefined,
  });
});

test('every setting of the brand arrives', async () => {
  const { brand } = loadConfig({
    BRAND_NAME: 'Example Voice',
    BRAND_LOGO_FILE: await file('logo.png', PIXEL),
    BRAND_COLOR: '#0F766E',
    BRAND_COLOR_DARK: '#5EEAD4',
    SUPPORT_EMAIL: 'help@example.com',
    SUPPORT_URL: 'https://help.example.com/',
    HOW_TO_PAY: 'Transfer to IBAN 00',
  });
  assert.deepEqual(brand, {
    name: 'Example Voice',
    logo: { type: 'image/png', bytes: PIXEL, digest: brand.logo?.digest },
    light: { fill: '#0f766e', onFill: '#ffffff', accent: '#0f766e' },
    dark: { fill: '#5eead4', onFill: '#000000', accent: '#5eead4' },
    supportEmail: 'help@example.com',
    supportUrl: 'https://help.example.com/',
    howToPay: 'Transfer to IBAN 00',
  });
});

test('a colour that could not be read on a page is made darker or lighter', () => {
  assert.deepEqual(brandColors('#facc15', undefined), {
    light: { fill: '#facc15', onFill: '#000000', accent: '#7d660b' },
    dark: { fill: '#facc15', onFill: '#000000', accent: '#facc15' },
  });
  assert.equal(brandColors('#000000', undefined).dark.accent, '#999999');
});

test('an SVG logo is known by its name and content', async () => {
  const path = await file(
    'logo.svg',
    '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
  );
  assert.equal(loadConfig({ BRAND_LOGO_FILE: path }).brand.logo?.type, 'image/svg+xml');
});

test('a logo that cannot be used stops the start and says why', async () => {
  const text = await file('logo.txt', 'no image');
  const large = await file('large.png', Buffer.concat([PIXEL, Buffer.alloc(300_000)]));
  for (const [path, expected] of [
    [text, `BRAND_LOGO_FILE ${text}: is neither a PNG, a JPEG, a GIF nor an SVG image`],
    [
      large,
      `BRAND_LOGO_FILE ${large}: is ${PIXEL.length + 300_000} bytes large; at most 262144 are allowed`,
    ],
    [join(folder, 'none.png'), /^BRAND_LOGO_FILE .*none\.png: there is no such file or folder$/],
  ] as const) {
    assert.throws(
      () => loadConfig({ BRAND_LOGO_FILE: path }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        if (typeof expected === 'string') assert.equal(error.message, expected);
        else assert.match(error.message, expected);
        return true;
      },
    );
  }
});

test('a colour that is none stops the start', () => {
  assert.throws(() => loadConfig({ BRAND_COLOR: 'blue' }), { message: /^BRAND_COLOR must match/ });
});
