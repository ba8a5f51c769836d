import { createInterface } from 'node:readline/promises';

/** Asks on the terminal. @throws Error if the answer is not yes or no answer comes */
export async function confirm(question: string): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const hungUp = new Promise<string>((resolve) => {
    terminal.once('SIGINT', () => resolve(''));
    terminal.once('close', () => resolve(''));
  });
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), hungUp]);
    if (!/^y(es)?$/i.test(answer.trim())) throw new Error('not confirmed; nothing was changed');
  } finally {
    terminal.close();
  }
}
