// Loaded into the service with node --import. It shifts the service's clock by the milliseconds in
// the file CLOCK_FILE, as if the machine's clock had jumped. Elapsed time is measured without the
// jump.
import { readFileSync } from 'node:fs';

const RealDate = Date;
const file = process.env.CLOCK_FILE ?? '';
let offsetMs = 0;
setInterval(() => {
  offsetMs = Number(readFileSync(file, 'utf8')) || 0;
}, 20).unref();

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    args.length === 0
      ? Reflect.construct(target, [target.now() + offsetMs], newTarget)
      : Reflect.construct(target, args, newTarget),
  apply: (target) => new target(target.now() + offsetMs).toString(),
  get: (target, name) =>
    name === 'now' ? () => target.now() + offsetMs : Reflect.get(target, name),
});
