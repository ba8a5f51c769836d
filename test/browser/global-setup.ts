import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareData } from '../support/prepared-data.ts';
import { runCommand } from '../support/server.ts';

let removeData: () => Promise<void>;

/** Prepares the example accounts for all files. */
export async function globalSetup(): Promise<void> {
  removeData = await prepareData(async (dataDir) => {
    const demo = await runCommand<object>(dataDir, ['demo']);
    await writeFile(join(dataDir, 'demo.json'), JSON.stringify(demo));
  });
}

export async function globalTeardown(): Promise<void> {
  await removeData();
}
