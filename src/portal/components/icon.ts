import { Html } from '../../html.ts';

// Strokes in an area of 20 by 20.
const PATHS = {
  overview: 'M3 10.5 10 4l7 6.5M5 9v7h10V9M8.5 16v-4h3v4',
  calls:
    'M6.5 3.5 8 7 6.3 8.4a9 9 0 0 0 5.3 5.3L13 12l3.5 1.5v2.4a1.1 1.1 0 0 1-1.2 1.1A12.6 12.6 0 0 1 3 4.7 1.1 1.1 0 0 1 4.100 3.500z',
  charges: 'M5 3h10v14l-2.500-1.500L10 17l-2.500-1.500L5 17zM8 7h4M8 10h4',
  rates:
    'M10 3v14M13.500 6.500C13 5 11.500 4.500 10 4.500c-2 0-3.500 1-3.500 2.600 0 3.600 7.200 1.800 7.200 5.600 0 1.700-1.700 2.800-3.700 2.800-1.800 0-3.400-.8-3.800-2.500',
  phone: 'M6 2.500h8v15H6zM9 15h2',
  api: 'm7 6-4 4 4 4M13 6l4 4-4 4M11.200 4 8.800 16',
  settings: 'M3 6h8M15 6h2M3 14h2M9 14h8M13 4v4M7 12v4',
  accounts:
    'M7.500 9.500a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600zM2.500 16.500a5 5 0 0 1 10 0M13 4.300a2.800 2.800 0 0 1 0 5M14.500 12.200a5 5 0 0 1 3 4.300',
  dashboard: 'M3 17V9M8 17V4M13 17v-6M18 17V7',
  promotions:
    'M3 9h14v8H3zM2 6h16v3H2zM10 6v11M10 6C7 6 5 2 8 2.500S10 6 10 6s0-3 2-3.500S13 6 10 6z',
  feeds: 'M4 16h.01M4 11a5 5 0 0 1 5 5M4 6a10 10 0 0 1 10 10',
  keys: 'M7.500 12.500a3.500 3.500 0 1 1 3.300-4.700H18v3h-2v2.500h-3v-2.500h-2.200a3.500 3.500 0 0 1-3.300 1.700zM7 9.300v.01',
  webhooks:
    'M8 12l4-4M9 5.500l1.500-1.500a3.500 3.500 0 0 1 5 5L14 10.500M11 14.500 9.500 16a3.500 3.500 0 0 1-5-5L6 9.500',
  rejected: 'M10 3 2 17h16zM10 8v4M10 14.500v.01',
  mail: 'M3 5h14v10H3zM3 5.500l7 5.500 7-5.500',
  books: 'M4 3h10a2 2 0 0 1 2 2v12H6a2 2 0 0 1-2-2zM4 15a2 2 0 0 1 2-2h10',
  blocked: 'M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0zM5.200 5.200l9.600 9.600',
  menu: 'M3 6h14M3 10h14M3 14h14',
  audit: 'M10 5v5l3 2M17 10a7 7 0 1 1-2-4.900M17 3v3h-3',
} as const;

/** An icon next to a word with the same meaning, so screen readers can skip it. */
export function icon(name: keyof typeof PATHS): Html {
  return new Html(
    `<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d="${PATHS[name]}"/></svg>`,
  );
}
