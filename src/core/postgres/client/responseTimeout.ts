import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';

/** A timer that fires later than this after its due time was delayed because the process was suspended or busy. Milliseconds. */
const LATE_MS = 1000;
/** After another connection was answered, a silent connection gets this long: both may just have recovered. Milliseconds. */
const LAST_CHANCE_MS = 5000;

/**
 * Calls back once if the server does not answer in time. Dispose it when the answer arrives.
 *
 * Time during which the machine slept (a closed laptop, a stopped process) does not count: the answer may have arrived in the
 * meantime without having been read yet, and a connection that works must not be closed.
 */
export function startResponseTimeout(clock: Clock, ms: number, onTimeout: () => void): Disposable {
  let timer: Disposable;
  const start = (): void => {
    const due = clock.monotonic() + ms;
    timer = clock.after(ms, () => {
      if (clock.monotonic() > due + LATE_MS) start();
      else onTimeout();
    });
  };
  start();
  return { dispose: () => timer.dispose() };
}

/**
 * Calls back once if a connection is dead rather than slow: it was silent for the given time, then the server answered a new
 * connection, and this one still remained silent. While the server does not answer new connections either, it keeps waiting.
 *
 * @param answersOthers whether the server answers a new connection
 */
export function startDeadConnectionTimeout(
  clock: Clock,
  ms: number,
  answersOthers: () => Promise<boolean>,
  onDead: () => void,
): Disposable {
  let current: Disposable;
  let disposed = false;
  const start = (): void => {
    current = startResponseTimeout(clock, ms, () => {
      void answersOthers()
        .catch(() => false)
        .then((answered) => {
          if (disposed) return;
          if (answered) current = startResponseTimeout(clock, Math.min(ms, LAST_CHANCE_MS), onDead);
          else start();
        });
    });
  };
  start();
  return {
    dispose: () => {
      disposed = true;
      current.dispose();
    },
  };
}
