import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sharedService } from './support/service.ts';

const FOLDER = new URL('../deploy/monitoring/', import.meta.url);
const RULES = 'account-api.rules.yml';
const DASHBOARD = 'account-api.dashboard.json';

const api = sharedService();

const read = (file: string) => readFileSync(new URL(file, FOLDER), 'utf8');

/** Names as in expressions, without the suffixes that Prometheus adds for histograms. */
function metricsIn(text: string): string[] {
  const names = text.match(/\b(account_api|nodejs|process)_\w+/g) ?? [];
  return [...new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')))].sort();
}

test('rules and dashboard name metrics that the service has', async () => {
  const metrics = await (await fetch(`${api.url}/metrics`)).text();
  const known = new Set(metrics.match(/(?<=^# TYPE )\w+/gm));
  const dashboard = JSON.parse(read(DASHBOARD)).panels.flatMap(
    ({ targets }: { targets: { expr: string }[] }) => targets.map(({ expr }) => expr),
  );
  for (const [file, text, atLeast] of [
    [RULES, read(RULES), 6],
    [DASHBOARD, dashboard.join('\n'), 10],
  ] as const) {
    const named = metricsIn(text);
    assert.ok(named.length >= atLeast, `${file} names ${named}`);
    assert.deepEqual(
      named.filter((name) => !known.has(name)),
      [],
      file,
    );
  }
});
