/** Counts things in a language with one singular and one plural: `1 call`, `1,234 calls`. */
export const countedIn =
  (locale: string) =>
  (count: number, one: string, many: string): string =>
    `${count.toLocaleString(locale)} ${count === 1 ? one : many}`;
