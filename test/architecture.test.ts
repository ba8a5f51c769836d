import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';

const SRC = new URL('../src', import.meta.url).pathname;

// Each part of src/ and its allowed imports: folders, or files right in src/.
const MAY_IMPORT: Record<string, string[]> = {
  'brand.ts': [],
  'html.ts': [],
  'currency.ts': [],
  'language.ts': [],
  'settings.ts': ['language.ts'],
  'system-error.ts': [],
  'config.ts': ['brand.ts', 'currency.ts', 'language.ts', 'settings.ts', 'system-error.ts'],
  db: [],
  domain: ['db', 'currency.ts', 'language.ts'],
  mail: [
    'currency.ts',
    'language.ts',
    'domain',
    'config.ts',
    'brand.ts',
    'html.ts',
    'system-error.ts',
  ],
  'secret-key.ts': ['config.ts', 'domain'],
  'service-address.ts': ['config.ts'],
  'service.ts': ['config.ts', 'db', 'domain'],
  http: ['domain', 'db', 'config.ts', 'service.ts'],
  webhook: ['domain', 'service.ts'],
  // Operators' systems replay rejected records through it.
  api: ['ingest', 'webhook', 'http', 'domain', 'db', 'html.ts', 'language.ts', 'service.ts'],
  ingest: ['http', 'domain', 'db', 'service.ts'],
  // Operators replay rejected records through it.
  portal: [
    'ingest',
    'webhook',
    'http',
    'domain',
    'db',
    'brand.ts',
    'currency.ts',
    'html.ts',
    'language.ts',
    'service.ts',
    'service-address.ts',
  ],
  jobs: ['ingest', 'mail', 'webhook', 'domain', 'db', 'service.ts'],
  'app.ts': ['api', 'ingest', 'portal', 'http', 'service.ts'],
  'open-service.ts': ['config.ts', 'db', 'domain', 'jobs', 'secret-key.ts', 'service.ts'],
  'front.ts': ['app.ts', 'http', 'service.ts'],
  'workers.ts': ['front.ts', 'http'],
  'serve.ts': [
    'front.ts',
    'secret-key.ts',
    'workers.ts',
    'config.ts',
    'domain',
    'jobs',
    'mail',
    'open-service.ts',
    'service-address.ts',
  ],
  'server-process.ts': [
    'config.ts',
    'db',
    'domain',
    'http',
    'serve.ts',
    'system-error.ts',
    'workers.ts',
  ],
  'main.js': ['loading.js', 'server-process.ts'],
  'loading.js': [],
  cli: [
    'brand.ts',
    'currency.ts',
    'language.ts',
    'loading.js',
    'config.ts',
    'db',
    'domain',
    'ingest',
    'mail',
    'open-service.ts',
    'secret-key.ts',
    'service-address.ts',
    'system-error.ts',
    'webhook',
  ],
};

// Files that all of the domain may use.
const KERNEL = [
  'account-name.ts',
  'audit.ts',
  'day.ts',
  'email-address.ts',
  'event.ts',
  'emergency-numbers.ts',
  'locks.ts',
  'money.ts',
  'numbering-plan.ts',
  'open-account.ts',
  'page.ts',
  'phone-number.ts',
  'problem-words.ts',
  'problem.ts',
  'refusal.ts',
  'role.ts',
  'slice.ts',
];

// The folders of the domain, from the lowest level up, with their allowed imports.
const DOMAIN_MAY_IMPORT: Record<string, string[]> = {
  mail: [],
  sealing: [],
  books: [],
  rating: ['books'],
  access: ['mail', 'sealing'],
  calls: ['sealing', 'books', 'rating'],
  billing: ['mail', 'books', 'calls'],
  sip: ['sealing'],
  operation: [],
  account: ['mail', 'sealing', 'books', 'rating', 'access', 'billing', 'sip', 'entered-values.ts'],
  webhook: ['sealing'],
  'entered-values.ts': ['books', 'access', 'rating', 'billing', 'webhook'],
  moving: [
    'mail',
    'sealing',
    'books',
    'rating',
    'access',
    'calls',
    'billing',
    'sip',
    'account',
    'entered-values.ts',
  ],
};

const DRIVERS = ['pg', 'ioredis', 'pg-boss', 'node-pg-migrate'];
// PostgreSQL gets only PATH from the service's environment.
const ENVIRONMENT_READERS = ['config.ts', 'db/embedded/identity.ts'];

interface Import {
  from: string;
  to: string;
  isTypeOnly: boolean;
}

const files = globSync('**/*.{ts,js}', { cwd: SRC }).filter((file) => !file.endsWith('.test.ts'));
const texts = new Map(files.map((file) => [file, readFileSync(join(SRC, file), 'utf8')]));
const imports = files.flatMap((file) => importsOf(file, texts.get(file) ?? ''));

/** @returns paths within src/, or the names of packages */
function importsOf(from: string, text: string): Import[] {
  const statements = text.matchAll(
    /(?:^(?:import|export)\b(\s+type\b)?[^;']*?|\bimport\()'([^']+)'/gm,
  );
  return [...statements].map(([, type, to = '']) => ({
    from,
    to: to.startsWith('.') ? relative(SRC, join(SRC, dirname(from), to)) : to,
    isTypeOnly: type !== undefined,
  }));
}

/** @returns the places of a circular import, the first one again at the end; empty without one */
function circleOf(edges: Import[]): string[] {
  const targets = Map.groupBy(edges, ({ from }) => from);
  const done = new Set<string>();
  const visit = (place: string, way: string[]): string[] => {
    if (way.includes(place)) return [...way.slice(way.indexOf(place)), place];
    if (done.has(place)) return [];
    for (const { to } of targets.get(place) ?? []) {
      const circle = visit(to, [...way, place]);
      if (circle.length > 0) return circle;
    }
    done.add(place);
    return [];
  };
  for (const place of targets.keys()) {
    const circle = visit(place, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

const isWithin = (path: string, folder: string) =>
  folder === '.' || path === folder || path.startsWith(`${folder}/`);
/** The domain's folder, or file right in the domain, of a path. */
const roomOf = (path: string) => path.split('/')[1] ?? '';
const partOf = (path: string) => path.split('/')[0] ?? '';
const isOfOurs = (path: string) => path.endsWith('.ts');
const describe = ({ from, to }: Import) => `${from} imports ${to}`;

test('every part of src/ has its rules, and every rule its part', () => {
  assert.deepEqual([...new Set(files.map(partOf))].sort(), Object.keys(MAY_IMPORT).sort());
  assert.ok(imports.length > 300, 'the imports are found');
});

test('imports go down', () => {
  const wrong = imports.filter(({ from, to }) => {
    const [part, target] = [partOf(from), partOf(to)];
    return isOfOurs(to) && part !== target && !MAY_IMPORT[part]?.includes(target);
  });
  assert.deepEqual(wrong.map(describe), []);
});

test('imports go down within the domain', () => {
  const parts = [...KERNEL, ...Object.keys(DOMAIN_MAY_IMPORT)];
  const ofDomain = files.filter((file) => partOf(file) === 'domain').map(roomOf);
  assert.deepEqual([...new Set(ofDomain)].sort(), parts.sort());
  const wrong = imports.filter(({ from, to }) => {
    if (partOf(from) !== 'domain' || partOf(to) !== 'domain') return false;
    const [room, target] = [roomOf(from), roomOf(to)];
    if (room === target || KERNEL.includes(target)) return false;
    return !DOMAIN_MAY_IMPORT[room]?.includes(target);
  });
  assert.deepEqual(wrong.map(describe), []);
});

test('every import that the rules allow is there', () => {
  const unused = (rules: Record<string, string[]>, placeOf: (path: string) => string) => {
    const found = new Set(imports.map(({ from, to }) => `${placeOf(from)} imports ${placeOf(to)}`));
    return Object.entries(rules)
      .flatMap(([place, targets]) => targets.map((target) => `${place} imports ${target}`))
      .filter((rule) => !found.has(rule));
  };
  assert.deepEqual(unused(MAY_IMPORT, partOf), []);
  const roomInDomain = (path: string) => (partOf(path) === 'domain' ? roomOf(path) : '');
  assert.deepEqual(unused(DOMAIN_MAY_IMPORT, roomInDomain), []);
});

test('no file and no folder imports itself by way of others', () => {
  const ofFiles = imports.filter(({ to }) => isOfOurs(to));
  assert.deepEqual(circleOf(ofFiles), []);
  const ofFolders = ofFiles
    .map(({ from, to, isTypeOnly }) => ({ from: dirname(from), to: dirname(to), isTypeOnly }))
    // A folder and the folders within it may use each other.
    .filter(({ from, to }) => !isWithin(from, to) && !isWithin(to, from));
  assert.deepEqual(circleOf(ofFolders), []);
});

// Files that several operations share.
const BESIDE_OPERATIONS =
  /^api\/common\/|\/(face|[a-z]+-record|monthly-charges|created-account)\.ts$|^api\/operator\/(framework\/[a-z-]+|account-settings|import-access|price-lines|shapes)\.ts$/;

test('no operation imports another', () => {
  const wrong = imports.filter(
    ({ from, to }) =>
      to.startsWith('api/') &&
      from.startsWith('api/') &&
      !from.endsWith('index.ts') &&
      from !== 'api/operator/routes.ts' &&
      !BESIDE_OPERATIONS.test(to),
  );
  assert.deepEqual(wrong.map(describe), []);
});

test("the framework of the operators' API knows no resource", () => {
  const framework = 'api/operator/framework';
  const wrong = imports.filter(
    ({ from, to }) =>
      isWithin(from, framework) && to.startsWith('api/') && !isWithin(to, framework),
  );
  assert.deepEqual(wrong.map(describe), []);
  assert.ok(
    imports.some(({ from }) => isWithin(from, framework)),
    'the framework is found',
  );
});

test('only db loads the driver, and the domain knows no HTTP', () => {
  const wrong = imports.filter(
    ({ from, to, isTypeOnly }) =>
      (DRIVERS.includes(to) && !isTypeOnly && partOf(from) !== 'db') ||
      (/fastify/.test(to) && ['db', 'domain', 'mail', 'jobs', 'cli'].includes(partOf(from))),
  );
  assert.deepEqual(wrong.map(describe), []);
});

// In each version of the API, SQL makes the records as JSON text; see
// docs/decisions/json-text-in-sql.md.
const WIRE_RECORD = /^api\/[^/]+\/([a-z]+-record|monthly-charges)\.ts$/;
const SQL = /\b(SELECT\s+[\w('*$]|INSERT INTO|UPDATE\s+[a-z_]+\s+(?:[a-z]\s+)?SET|DELETE FROM)\b/;

test('SQL is the business of db and domain, but for the records of the API', () => {
  const withSql = files.filter(
    (file) => !['db', 'domain'].includes(partOf(file)) && SQL.test(texts.get(file) ?? ''),
  );
  assert.deepEqual(
    withSql.filter((file) => !WIRE_RECORD.test(file)),
    [],
  );
  assert.ok(withSql.length > 3, 'SQL is found');
});

test('only the configuration reads the environment', () => {
  const readers = files.filter((file) => /\bprocess\.env\b/.test(texts.get(file) ?? ''));
  assert.deepEqual(readers.sort(), ENVIRONMENT_READERS);
});

const EXPORTED_FUNCTION =
  /^export (?:default )?(?:(?:async )?function\*? ?|const (?=\w+(?:: [^=]+)? = (?:async )?[(<]))(\w+)/;

test('exported functions have a doc comment', () => {
  let found = 0;
  const bare = [...texts].flatMap(([file, text]) => {
    const lines = text.split('\n');
    return lines.flatMap((line, at) => {
      const [, name] = EXPORTED_FUNCTION.exec(line) ?? [];
      if (name === undefined) return [];
      found++;
      return lines[at - 1]?.endsWith('*/') ? [] : [`${file}: ${name}`];
    });
  });
  assert.deepEqual(bare, []);
  assert.ok(found > 1_000, 'functions are found');
});

test('tests of the contract hold each answer against the document', () => {
  const tests = globSync('contract*/*.test.ts', { cwd: new URL('.', import.meta.url).pathname });
  assert.ok(tests.length > 10);
  const unchecked = tests.filter((file) =>
    /\bstartService\b/.test(readFileSync(new URL(file, import.meta.url), 'utf8')),
  );
  assert.deepEqual(unchecked, []);
});
