/** A value with a label, undefined or empty if there is none. */
export type LabeledValue = readonly [label: string, value: string | undefined];

/** The rows that have a value. */
export function labeledValues(rows: readonly LabeledValue[]): { readonly label: string; readonly value: string }[] {
  return rows.flatMap(([label, value]) => (value === undefined || value === '' ? [] : [{ label, value }]));
}
