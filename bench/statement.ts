import { Database } from '../src/db/database.ts';

/** Thrown instead of running a statement. */
class Captured extends Error {}

/** A database that runs nothing: it stores the given statement, so a peer can run it. */
class Recorder extends Database {
  text = '';
  values: unknown[] = [];

  constructor() {
    super({ connection: {}, poolSize: 1, role: 'command' });
  }

  override read<Row extends object>(
    _name: string,
    text: string,
    values: unknown[],
  ): Promise<Row[]> {
    this.text = text;
    this.values = values;
    return Promise.reject(new Captured());
  }
}

/** The statement that a function of the domain would run. */
export async function statementOf(
  run: (db: Database) => Promise<unknown>,
): Promise<{ text: string; values: unknown[] }> {
  const recorder = new Recorder();
  try {
    await run(recorder);
  } catch (error) {
    if (!(error instanceof Captured)) throw error;
  }
  const { text, values } = recorder;
  return { text, values };
}
