import type { Html } from '../../html.ts';
import { paging } from '../components/blocks.ts';
import type { View } from '../view.ts';

/**
 * Links to the first page of an operators' list and to the next one, where there are any.
 * @param list.query what else the list is asked for with
 * @param list.by the member of the query that says where a page begins, `at` this one's
 */
export function pageLinks(
  view: View,
  list: {
    path: string;
    query?: Record<string, string>;
    by: 'after' | 'before';
    at: number | undefined;
    next: number | null;
  },
): Html {
  const { path, query = {}, by, at, next } = list;
  const { label, first, next: nextText } = view.m.operator.paging;
  const address = (place: Record<string, string>) => {
    const given = Object.entries({ ...query, ...place }).filter(([, value]) => value !== '');
    return given.length > 0 ? `${path}?${new URLSearchParams(given)}` : path;
  };
  return paging({
    label,
    first: at ? { href: address({}), text: first } : undefined,
    next: next === null ? undefined : { href: address({ [by]: String(next) }), text: nextText },
  });
}
