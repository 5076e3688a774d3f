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
    const day = new Date(timeOf(item));
    day.setHours(0, 0, 0, 0);
    const group = groups.get(day.getTime());
    if (group) group.push(item);
    else groups.set(day.getTime(), [item]);
  }
  return [...groups].map(([day, grouped]) => ({ day, items: grouped }));
}
