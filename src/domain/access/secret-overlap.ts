/** How long a replaced secret is accepted together with the new one, in hours. */
export const OVERLAP_HOURS = { usual: 24, most: 168 } as const;
