import type * as Texts from '../jobs/workKindText';

let texts: typeof Texts | undefined;

/** The words and icons for what workers do: loaded with the first worker. The rows of workers are redrawn every second. */
export function workKinds(): typeof Texts | undefined {
  if (!texts) void import('../jobs/workKindText').then((loaded) => (texts = loaded));
  return texts;
}
