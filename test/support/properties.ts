import fc from 'fast-check';

const SEED = /^-?\d+$/.exec(process.env.SEED ?? '')?.[0];

fc.configureGlobal({
  ...(SEED === undefined ? {} : { seed: Number(SEED) }),
  reporter: (details) => {
    if (!details.failed) return;
    throw new Error(`${fc.defaultReportMessage(details)}\n\nSEED=${details.seed} repeats it.`, {
      cause: details.errorInstance,
    });
  },
});

/**
 * fast-check. Each run has a new seed, or that of the environment's SEED; a failure tells the seed
 * that repeats it.
 */
export { fc };
