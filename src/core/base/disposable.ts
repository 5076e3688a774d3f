export interface Disposable {
  dispose(): void;
}

/** Disposes both. */
export function both(one: Disposable, other: Disposable): Disposable {
  return {
    dispose: () => {
      one.dispose();
      other.dispose();
    },
  };
}
