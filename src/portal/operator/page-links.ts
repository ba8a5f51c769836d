import type { Html } from '../../html.ts';
import { paging } from '../components/blocks.ts';
import type { View } from '../view.ts';

/** A path with its query; empty members are left out. */
export function addressOf(path: string, query: Record<string, string>): string {
  const given = Object.entries(query).filter(([, value]) => value !== '');
  return given.length > 0 ? `${path}?${new URLSearchParams(given)}` : path;
}

/**
 * Links to the first page of an operators' list and to the next one, if they exist.
 * @param list.query the other members of the list's query
 * @param list.by the member of the query with a page's start; `at` is its value for this page
 */
export function pageLinks(
  view: View,
  list: {
    path: string;
    query?: Record<string, string>;
    by: 'after' | 'before';
    at: number | string | undefined;
    next: number | string | null;
  },
): Html {
  const { path, query = {}, by, at, next } = list;
  const { label, first, next: nextText } = view.m.operator.paging;
  const address = (place: Record<string, string>) => addressOf(path, { ...query, ...place });
  return paging({
    label,
    first: at ? { href: address({}), text: first } : undefined,
    next: next === null ? undefined : { href: address({ [by]: String(next) }), text: nextText },
  });
}
