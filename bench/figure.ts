/** One measured figure, with the limit measured in the same run. */
export interface Figure {
  part: string;
  name: string;
  /** medians over the rounds */
  ours: number;
  limit: number | undefined;
  /** name of the limit, such as `bare node:http` */
  limitName: string;
  unit: string;
  /** ours / limit */
  ratio: number | undefined;
  /** the target of the ratio or, without a limit, of the figure itself */
  target?: Target;
  /** conditions that the name does not contain */
  note?: string;
}

export interface Target {
  /** `least`: larger is better */
  kind: 'least' | 'most';
  value: number;
}

export interface LeftOut {
  part: string;
  name: string;
  why: string;
}

export const atLeast = (value: number): Target => ({ kind: 'least', value });
export const atMost = (value: number): Target => ({ kind: 'most', value });

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Builds a figure; without a measured limit there is no ratio. */
export function figure(
  fields: Omit<Figure, 'ratio' | 'ours' | 'limit'> & { ours: number[]; limit?: number[] },
): Figure {
  const { ours, limit, ...rest } = fields;
  const [own, bound] = [median(ours), limit && limit.length > 0 ? median(limit) : undefined];
  return { ...rest, ours: own, limit: bound, ratio: bound === undefined ? undefined : own / bound };
}

/** Whether the target is reached; undefined without a target or a ratio. */
export function isReached({ target, ratio, limitName, ours }: Figure): boolean | undefined {
  if (!target) return undefined;
  const value = limitName === '' ? ours : ratio;
  if (value === undefined) return undefined;
  return target.kind === 'least' ? value >= target.value : value <= target.value;
}

export function number(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3).replace(/\.0+$/, '');
}

/** Columns padded to equal width; a column whose head starts with `>` is right-aligned. */
export function table(head: string[], rows: string[][]): string {
  const titles = head.map((title) => title.replace(/^>/, ''));
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: string[]) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return head[column]?.startsWith('>') ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [titles, ...rows].map(line).join('\n');
}

export function report(figures: Figure[]): string {
  const rows = figures.map((it) => {
    const reached = isReached(it);
    return [
      it.part,
      it.name,
      `${number(it.ours)} ${it.unit}`,
      it.limit === undefined ? '' : number(it.limit),
      it.limitName,
      it.ratio === undefined ? '' : it.ratio.toFixed(2),
      it.target ? `${it.target.kind === 'least' ? '>=' : '<='} ${it.target.value}` : '',
      reached === undefined ? '' : reached ? 'yes' : 'no',
    ];
  });
  return table(['PART', 'FIGURE', '>OURS', '>LIMIT', 'OF', '>RATIO', '>TARGET', 'REACHED'], rows);
}
