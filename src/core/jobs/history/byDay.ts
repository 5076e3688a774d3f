/** Groups of finished jobs in the list: one group per day. */

export interface DayGroup<T> {
  /** The start of the day in local time, milliseconds since 1970. */
  readonly day: number;
  readonly items: readonly T[];
}

/**
 * Groups items by the local day of a time, in the order of the items.
 *
 * @param timeOf milliseconds since 1970
 */
export function groupByDay<T>(items: readonly T[], timeOf: (item: T) => number): readonly DayGroup<T>[] {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const day = startOfDay(timeOf(item));
    const group = groups.get(day);
    if (group) group.push(item);
    else groups.set(day, [item]);
  }
  return [...groups].map(([day, grouped]) => ({ day, items: grouped }));
}

/** The start of the local day of a time. Both in milliseconds since 1970. */
export function startOfDay(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}
