import { nice, ticks } from 'd3-array';
import { type Html, html } from '../../html.ts';
import type { Messages } from '../messages/index.ts';
import { table } from './table.ts';

export interface PlotPoint {
  /** in the table and the tooltip */
  label: string;
  /** under the axis; undefined: `label` */
  axis?: string;
  /** the position on the axis; no amount is computed from it */
  value: number;
  /** the exact value in words, shown as tooltip */
  text: string;
}

export interface Plot {
  /** describes the plot, for screen readers and above the table */
  caption: string;
  /** names of the points, such as `Day`, and of their values, such as `Calls` */
  columns: { label: string; value: string };
  points: PlotPoint[];
  /** values are counts: the axis has no fractions */
  whole?: boolean;
  /** words for a value on the axis */
  tick: (value: number) => string;
  /** distances in points that labels may have, ascending; undefined: any */
  steps?: readonly number[];
}

/** The language of the words around a plot: a page's view. */
type Speaker = { m: Pick<Messages, 'plots' | 'table'> };

// The marks have their own coordinates, stretched to the available width; this is a point's width.
const STEP = 10;
const HEIGHT = 100;
const BAR_SHARE = 0.72;
const TICKS = 4;
// The least widths in pixels of the room for labels in the ranges w1 to w6 of plot.css.
const ROOMS = [200, 270, 360, 480, 640, 900];
// Of a label's text with 12 pixels, and between two labels.
const CHARACTER_WIDTH = 6.5;
const LABEL_GAP = 12;
// Labels may reach a little into the room of the values.
const OUTSIDE = 4;

/**
 * A plot with a bar for each point. The server draws it: it needs no script, takes its colours from
 * the style sheet, and has its place before anything is loaded.
 */
export function bars(speaker: Speaker, plot: Plot): Html {
  return frame(speaker, plot, (y) =>
    plot.points.map((point, index) => {
      const [one, other] = [y(point.value), y(0)];
      const height = Math.max(Math.abs(one - other), point.value === 0 ? 0 : 0.8);
      const width = STEP * BAR_SHARE;
      const x = STEP * (index + 0.5) - width / 2;
      return spot(
        point,
        index,
        html`<rect class="bar-mark" x="${round(x)}" y="${round(Math.min(one, other))}" width="${round(width)}" height="${round(height)}"/>`,
      );
    }),
  );
}

/** A plot with a line through the points. */
export function line(speaker: Speaker, plot: Plot): Html {
  return frame(speaker, plot, (y) => {
    const x = (index: number) => round(STEP * (index + 0.5));
    const path = plot.points.map(({ value }, index) => `${x(index)},${round(y(value))}`).join('L');
    const [first, last, zero] = [x(0), x(plot.points.length - 1), round(y(0))];
    return [
      html`<path class="area-mark" d="M${first},${zero}L${path}L${last},${zero}Z"/>
<path class="line-mark" d="M${path}"/>
`,
      ...plot.points.map((point, index) => spot(point, index, html``)),
    ];
  });
}

/** The area with a point's tooltip. It reaches above and below the mark. */
function spot({ label, text }: PlotPoint, index: number, mark: Html): Html {
  return html`<g><title>${label}: ${text}</title><rect class="hit" x="${STEP * index}" y="0" width="${STEP}" height="${HEIGHT}"/>${mark}</g>
`;
}

function frame(
  speaker: Speaker,
  plot: Plot,
  marks: (y: (value: number) => number) => Html[],
): Html {
  const { points, caption } = plot;
  const values = points.map(({ value }) => value);
  const [low, high] = nice(Math.min(0, ...values), Math.max(0, ...values) || 1, TICKS);
  const axis = ticks(low, high, TICKS).filter((value) => !plot.whole || Number.isInteger(value));
  const y = (value: number) => ((high - value) / (high - low)) * HEIGHT;
  const width = STEP * points.length;
  return html`<figure class="plot">
<div class="plot-frame" role="img" aria-label="${caption}">
<svg class="plot-values">${axis.map((value) => html`<text x="100%" y="${round(y(value))}%">${plot.tick(value)}</text>`)}</svg>
<svg class="plot-marks" viewBox="0 0 ${width} ${HEIGHT}" preserveAspectRatio="none">
${axis.map((value) => html`<path class="${value === 0 ? 'axis' : 'grid'}" d="M0,${round(y(value))}H${width}"/>`)}
${marks(y)}</svg>
<svg class="plot-labels">${ROOMS.map((room, index) => html`<g class="w${index + 1}">${labels(plot, room)}</g>`)}</svg>
</div>
${dataTable(speaker, plot)}
</figure>`;
}

/**
 * As many labels as the room has place for, in the middle of their bars or, if bars are narrow,
 * from their left. The style sheet shows those of the present width.
 */
function labels({ points, steps }: Plot, room: number): Html[] {
  const texts = points.map(({ label, axis = label }) => axis);
  const width = Math.max(0, ...texts.map((text) => text.length)) * CHARACTER_WIDTH + LABEL_GAP;
  const least = points.length / Math.max(1, Math.floor(room / width));
  const every = steps?.find((step) => step >= least) ?? Math.ceil(least);
  const isWide = room / points.length >= width - LABEL_GAP - 2 * OUTSIDE;
  return texts.flatMap((text, index) => {
    if (index % every !== 0) return [];
    if (isWide) return [label('middle', (index + 0.5) / points.length, text)];
    const place = index / points.length;
    return place * room + width - LABEL_GAP <= room ? [label('start', place, text)] : [];
  });
}

function label(anchor: 'start' | 'middle', place: number, text: string): Html {
  return html`<text x="${round(place * 100)}%" y="1.4em" text-anchor="${anchor}">${text}</text>`;
}

/** The same data as a table. */
function dataTable(speaker: Speaker, { caption, columns, points }: Plot): Html {
  return html`<details><summary>${speaker.m.plots.showTable}</summary>
${table(speaker, {
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
