import { parseArgs } from 'node:util';
import { compare } from './compare.ts';
import { report } from './figure.ts';
import { describe, describeMachine } from './machine.ts';
import type { Options, Part, PartResult } from './part.ts';
import { apikey } from './parts/apikey.ts';
import { authorize } from './parts/authorize.ts';
import { cdr } from './parts/cdr.ts';
import { copies } from './parts/copies.ts';
import { directory } from './parts/directory.ts';
import { importing } from './parts/import.ts';
import { info } from './parts/info.ts';
import { ingest } from './parts/ingest.ts';
import { limited } from './parts/limited.ts';
import { operators } from './parts/operators.ts';
import { portal } from './parts/portal.ts';
import { prices } from './parts/prices.ts';
import { signup } from './parts/signup.ts';
import { single } from './parts/single.ts';
import { versions } from './parts/versions.ts';
import { webhooks } from './parts/webhooks.ts';
import { keepResult, readResult } from './result.ts';
import { measureScale } from './scale.ts';
import { openServer, openStage, type Server } from './stage.ts';

const PARTS: Record<string, Part> = {
  info,
  authorize,
  limited,
  apikey,
  signup,
  cdr,
  ingest,
  single,
  prices,
  portal,
  versions,
  directory,
  operators,
  import: importing,
  webhooks,
  copies,
};
const USAGE = `npm run bench -- [PART…]        of ${Object.keys(PARTS).join(' ')}
npm run bench -- --scale        the same requests with up to 20 million calls and a million accounts
npm run bench -- compare A B    two files of bench/results
  --quick       shorter, for a first look
  --rounds N    how often each is measured; medians are shown

Runs on the embedded database, or on a database of its own that it makes on the server of
DATABASE_URL. Every figure is compared with a limit that is measured in the same run.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    scale: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(USAGE);
} else if (positionals[0] === 'compare') {
  const [before, after] = await Promise.all(positionals.slice(1, 3).map(readResult));
  if (!before || !after) usageError('compare needs two files');
  console.log(compare(before, after));
} else {
  const unknown = positionals.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown) usageError(`there is no part ${unknown}`);
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) usageError('--rounds must be a whole number from 1');
  const options = { rounds, seconds: values.quick ? 1 : 3, quick: values.quick };
  await run(positionals.length > 0 ? positionals : Object.keys(PARTS), options);
}

async function run(parts: string[], options: Options): Promise<void> {
  const server = await openServer(process.env.DATABASE_URL);
  try {
    const machine = await describeMachine(server);
    console.log(`${describe(machine)}\n`);
    const measured = values.scale
      ? await measureScale(server, options)
      : await measureParts(server, parts, options);
    if (values.scale) console.log(report(measured.figures));
    for (const { part, name, why } of measured.leftOut) {
      console.log(`LEFT OUT: ${part}, ${name}: ${why}`);
    }
    console.log(`\nKept in ${await keepResult({ machine, options, ...measured })}`);
  } finally {
    await server.close();
  }
}

async function measureParts(
  server: Server,
  parts: string[],
  options: Options,
): Promise<PartResult> {
  const stage = await openStage(server);
  const all: PartResult = { figures: [], leftOut: [] };
  try {
    for (const name of parts) {
      console.error(`measuring ${name} …`);
      const { figures, leftOut } = await (PARTS[name] as Part)(stage, options);
      console.log(`${report(figures)}\n`);
      all.figures.push(...figures);
      all.leftOut.push(...leftOut);
    }
  } finally {
    await stage.close();
  }
  return all;
}

function usageError(message: string): never {
  console.error(`${message}\n\n${USAGE}`);
  process.exit(2);
}
