import { number, table } from './figure.ts';
import type { Result } from './result.ts';

/**
 * Two results side by side, with their ratios: ratios depend less on the machine than speeds do.
 */
export function compare(before: Result, after: Result): string {
  const rows = after.figures.map((figure) => {
    const { part, name, limitName, unit } = figure;
    const earlier = before.figures.find(
      (it) => it.part === part && it.name === name && it.limitName === limitName,
    );
    const of = (value: number | undefined) => (value === undefined ? '' : value.toFixed(2));
    const change =
      earlier?.ratio && figure.ratio
        ? `${(100 * (figure.ratio / earlier.ratio - 1)).toFixed(0)} %`
        : '';
    return [
      part,
      name,
      limitName,
      earlier ? `${number(earlier.ours)} ${unit}` : '',
      `${number(figure.ours)} ${unit}`,
      of(earlier?.ratio),
      of(figure.ratio),
      change,
    ];
  });
  return [
    `before: ${before.machine.commit}, ${before.machine.startedAt}`,
    `after:  ${after.machine.commit}, ${after.machine.startedAt}`,
    '',
    table(['PART', 'FIGURE', 'OF', '>BEFORE', '>AFTER', '>RATIO', '>RATIO', '>CHANGE'], rows),
  ].join('\n');
}
