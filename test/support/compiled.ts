import { fileURLToPath } from 'node:url';

/** Where processes of a test keep the code that they compiled: all of them load the service. */
export const COMPILED = fileURLToPath(
  new URL('../../node_modules/.cache/compiled', import.meta.url),
);
