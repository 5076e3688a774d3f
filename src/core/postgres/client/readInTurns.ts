import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../../base/clock';

/** After this much work on received data, other events get their turn. Milliseconds. */
const WORK_MS = 10;

/**
 * A listener for the data of a socket that does not block the process. Node can deliver dozens of chunks in a row if a server sends
 * fast enough, and a chunk can hold thousands of messages: if processing takes too long, the socket is paused until other events have
 * been handled.
 *
 * @param socket the socket to pause
 * @param processChunk called for each chunk
 */
export function readInTurns(
  socket: () => Duplex | undefined,
  processChunk: (chunk: Buffer) => void,
  clock: Pick<Clock, 'monotonic'> = systemClock,
): (chunk: Buffer) => void {
  let workedMs = 0;
  let scheduled = false;
  let paused: Duplex | undefined;
  const onNextTurn = (): void => {
    scheduled = false;
    workedMs = 0;
    paused?.resume();
  };
  // After another part of the program has resumed the socket, that part may pause it again for its own reasons.
  const onResumed = (): void => {
    paused = undefined;
  };
  return (chunk) => {
    const start = clock.monotonic();
    processChunk(chunk);
    workedMs += clock.monotonic() - start;
    if (!scheduled) {
      scheduled = true;
      setImmediate(onNextTurn);
    }
    const target = socket();
    if (workedMs < WORK_MS || !target || target.destroyed || target.isPaused()) return;
    target.pause();
    paused = target;
    target.once('resume', onResumed);
  };
}
