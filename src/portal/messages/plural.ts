/** Counts things as a language does that tells one from many: `1 call`, `1,234 calls`. */
export const countedIn =
  (locale: string) =>
  (count: number, one: string, many: string): string =>
    `${count.toLocaleString(locale)} ${count === 1 ? one : many}`;
