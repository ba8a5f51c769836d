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

const SURROGATES = { first: 0xd800, count: 0x800 };

/**
 * Any character of Unicode, which `fc.string` takes as `unit`. It is that of fast-check's 'binary',
 * which makes a table of a million characters for each string.
 */
export const anyCharacter = fc.nat({ max: 0x10ffff - SURROGATES.count }).map(
  (n) => String.fromCodePoint(n < SURROGATES.first ? n : n + SURROGATES.count),
  (character) => {
    const [only = '', ...others] = String(character);
    const code = only.codePointAt(0) ?? SURROGATES.first;
    const isSurrogate = code >= SURROGATES.first && code < SURROGATES.first + SURROGATES.count;
    if (others.length > 0 || isSurrogate) throw new Error('not one character');
    return code < SURROGATES.first ? code : code - SURROGATES.count;
  },
);

/**
 * fast-check. Each run has a new seed, or that of the environment's SEED; a failure tells the seed
 * that repeats it.
 */
export { fc };
