import type { Disposable } from '../../base/disposable';

/** A timer that is late by this much was not on time because this process slept, or was busy. Milliseconds. */
const LATE_MS = 1000;
/** After another connection was answered a silent one has this long to speak: both may just have come back. Milliseconds. */
const LAST_CHANCE_MS = 5000;

/**
 * Calls once when nothing was heard for so long. What passed while the machine slept (a closed laptop, a stopped process) does not
 * count: the answer may have come meanwhile and not have been read yet, and a connection that lives is not to be cut off.
 */
export function afterSilence(ms: number, call: () => void): Disposable {
  let timer: NodeJS.Timeout;
  const listen = (): void => {
    const due = performance.now() + ms;
    timer = setTimeout(() => {
      if (performance.now() > due + LATE_MS) listen();
      else call();
    }, ms);
    timer.unref();
  };
  listen();
  return { dispose: () => clearTimeout(timer) };
}

/**
 * Calls once when a connection is dead, not merely slow: nothing was heard on it for so long, a new connection was answered, and
 * nothing was heard after that either. While the server answers nobody it is waited for.
 * @param answersOthers whether a new connection to the same server is answered
 */
export function whenDead(ms: number, answersOthers: () => Promise<boolean>, call: () => void): Disposable {
  let current: Disposable;
  let disposed = false;
  const listen = (): void => {
    current = afterSilence(ms, () => {
      void answersOthers()
        .catch(() => false)
        .then((answered) => {
          if (disposed) return;
          if (answered) current = afterSilence(Math.min(ms, LAST_CHANCE_MS), call);
          else listen();
        });
    });
  };
  listen();
  return {
    dispose: () => {
      disposed = true;
      current.dispose();
    },
  };
}
