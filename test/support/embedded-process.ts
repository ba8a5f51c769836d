// Runs the embedded database of a folder in a separate process, until SIGTERM:
//   node embedded-process.ts FOLDER server|command
// It prints the connection, and each restart of PostgreSQL.
import { openEmbedded } from '../../src/db/embedded/index.ts';

const [dataDir = '', role] = process.argv.slice(2);
try {
  const database = await openEmbedded({
    dataDir,
    role: role === 'command' ? 'command' : 'server',
    onError: (error) => console.log(`error: ${error.message}`),
  });
  process.on('SIGTERM', async () => {
    await database.stop();
    process.exit(0);
  });
  console.log(`ready: ${JSON.stringify(database.connection)}`);
  setInterval(() => undefined, 60_000);
} catch (error) {
  console.log(`refused: ${(error as Error).message}`);
  process.exit(1);
}
