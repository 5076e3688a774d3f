/** Thrown if a user's request cannot be fulfilled. The message is localized, and contains the reason and the solution. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}
