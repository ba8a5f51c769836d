/** Why the embedded database cannot run. The message is one line that says what to do. */
export class EmbeddedDatabaseError extends Error {}
