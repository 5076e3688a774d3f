import type { Duplex } from 'node:stream';

/** After so much work on what a server has sent, everything else has its turn. Milliseconds. */
const WORK_MS = 10;

/**
 * A listener for a socket's data. Node hands out dozens of chunks one after the other if a server sends them fast enough, and a chunk
 * may be thousands of messages: the socket rests where that takes long, until other events have been seen to.
 */
export function inTurns(socket: () => Duplex | undefined, work: (chunk: Buffer) => void): (chunk: Buffer) => void {
  let workedMs = 0;
  let pending = false;
  let resting: Duplex | undefined;
  const next = (): void => {
    pending = false;
    workedMs = 0;
    resting?.resume();
  };
  // Whoever resumes it meanwhile may pause it again for reasons of their own.
  const resumed = (): void => {
    resting = undefined;
  };
  return (chunk) => {
    const start = performance.now();
    work(chunk);
    workedMs += performance.now() - start;
    if (!pending) {
      pending = true;
      setImmediate(next);
    }
    const from = socket();
    if (workedMs < WORK_MS || !from || from.destroyed || from.isPaused()) return;
    from.pause();
    resting = from;
    from.once('resume', resumed);
  };
}
