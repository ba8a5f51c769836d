import { ticks } from 'd3-array';
import { type Html, html } from '../../html.ts';
import { table } from './table.ts';

export interface PlotPoint {
  /** under the axis, and in the table */
  label: string;
  /** where it stands on the axis; no amount is computed from it */
  value: number;
  /** the exact value in words, where the reader points at it */
  text: string;
}

export interface Plot {
  /** says what is shown, for screen readers and above the table */
  caption: string;
  /** what the points are, such as `Day`, and their values, such as `Calls` */
  columns: { label: string; value: string };
  points: PlotPoint[];
  /** values along the axis in words */
  tick: (value: number) => string;
  /** what unfolds the table */
  showTable: string;
}

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 56;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 28;
const TICKS = 4;
const MOST_LABELS = 8;

/**
 * A plot with a bar for each point. Drawn by the server: it needs no script, takes its colours from
 * the style sheet and its place before anything is loaded.
 */
export function bars(plot: Plot): Html {
  return frame(plot, ({ x, y, step, zero }) =>
    plot.points.map(({ label, value, text }, index) => {
      const width = Math.max(step * 0.72, 1);
      const top = Math.min(y(value), zero);
      const height = Math.max(Math.abs(y(value) - zero), value === 0 ? 0 : 1);
      return html`<g><title>${label}: ${text}</title><rect class="hit" x="${round(x(index) - step / 2)}" y="${TOP}" width="${round(step)}" height="${HEIGHT - TOP - BOTTOM}"/><rect class="bar-mark" x="${round(x(index) - width / 2)}" y="${round(top)}" width="${round(width)}" height="${round(height)}" rx="1.5"/></g>
`;
    }),
  );
}

/** A plot with a line through the points. */
export function line(plot: Plot): Html {
  return frame(plot, ({ x, y, step, zero }) => {
    const at = plot.points.map(({ value }, index) => `${round(x(index))},${round(y(value))}`);
    const [first, last] = [round(x(0)), round(x(plot.points.length - 1))];
    return [
      html`<path class="area-mark" d="M${first},${round(zero)}L${at.join('L')}L${last},${round(zero)}Z"/>
<path class="line-mark" d="M${at.join('L')}"/>
`,
      ...plot.points.map(
        ({ label, value, text }, index) =>
          html`<g><title>${label}: ${text}</title><rect class="hit" x="${round(x(index) - step / 2)}" y="${TOP}" width="${round(step)}" height="${HEIGHT - TOP - BOTTOM}"/><circle class="dot-mark" cx="${round(x(index))}" cy="${round(y(value))}" r="3"/></g>
`,
      ),
    ];
  });
}

interface Scale {
  x: (index: number) => number;
  y: (value: number) => number;
  /** from one point to the next */
  step: number;
  /** where zero is */
  zero: number;
}

function frame(plot: Plot, marks: (scale: Scale) => Html[]): Html {
  const { points, caption } = plot;
  const values = points.map(({ value }) => value);
  const axis = ticks(Math.min(0, ...values), Math.max(0, ...values) || 1, TICKS);
  const low = Math.min(axis[0] ?? 0, ...values);
  const high = Math.max(axis.at(-1) ?? 1, ...values);
  const step = (WIDTH - LEFT - RIGHT) / Math.max(points.length, 1);
  const x = (index: number) => LEFT + step * (index + 0.5);
  const y = (value: number) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const every = Math.ceil(points.length / MOST_LABELS);
  return html`<figure class="plot">
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${caption}">
${axis.map(
  (value) =>
    html`<path class="${value === 0 ? 'axis' : 'grid'}" d="M${LEFT},${round(y(value))}H${WIDTH - RIGHT}"/><text x="${LEFT - 8}" y="${round(y(value) + 4)}" text-anchor="end">${plot.tick(value)}</text>
`,
)}${points.map(
  ({ label }, index) =>
    index % every === 0 &&
    html`<text x="${round(x(index))}" y="${HEIGHT - 8}" text-anchor="middle">${label}</text>
`,
)}${marks({ x, y, step, zero: y(0) })}</svg>
${dataTable(plot)}
</figure>`;
}

/** The same in figures. */
function dataTable({ caption, columns, points, showTable }: Plot): Html {
  return html`<details><summary>${showTable}</summary>
${table({
  caption,
  rows: points,
  columns: [
    { label: columns.label, cell: ({ label }) => label },
    { label: columns.value, cell: ({ text }) => text, numeric: true },
  ],
})}
</details>`;
}

/** A tenth of a unit is finer than any screen. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}
