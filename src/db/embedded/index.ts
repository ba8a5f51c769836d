export class EmbeddedDatabaseError extends Error {}
export interface EmbeddedDatabase {
  connection: { host: string; port: number; user: string; database: string };
  owned: boolean;
  pid: number;
  onUnexpectedExit(l: (d: string) => void): void;
  stop(mode?: 'fast' | 'smart'): Promise<void>;
}
export async function openEmbedded(_o: {
  dataDir: string;
  role: 'server' | 'command';
  waitMs?: number;
}): Promise<EmbeddedDatabase> {
  throw new EmbeddedDatabaseError('stub');
}
