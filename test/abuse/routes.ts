import { pino } from 'pino';
import { buildApp } from '../../src/app.ts';
import type { Service } from '../../src/service.ts';

export interface Route {
  /** such as `/admin/accounts/:username` */
  path: string;
  methods: string[];
}

/** Every route of the service, from the framework's printed tree. */
export async function routesOf(service: Service): Promise<Route[]> {
  const app = await buildApp(service, pino({ level: 'silent' }));
  await app.ready();
  const printed = app.printRoutes({ commonPrefix: false });
  await app.close();
  const pieces: string[] = [];
  const routes: Route[] = [];
  for (const line of printed.split('\n')) {
    const [, indent = '', piece, methods] =
      /^((?:[│ ] {3})*)[├└]── (\S*)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
    if (piece === undefined) continue;
    pieces.splice(indent.length / 4, pieces.length, piece);
    if (methods) routes.push({ path: pieces.join(''), methods: methods.split(', ') });
  }
  return routes;
}
