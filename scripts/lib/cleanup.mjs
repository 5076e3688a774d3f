// The one registry of what must be gone when this process is gone: child processes, servers, temporary folders.
//
// Two ways out lead here. A signal leaves time, so every entry is stopped in order and politely (`stop`). `process.exit()`
// and an uncaught error leave none: Node then runs only synchronous code, so every entry also knows a blunt way (`stopNow`).
// There is deliberately no handler for uncaught errors: one would hide them from a test runner that has its own.

/**
 * @typedef {object} Entry
 * @property {() => Promise<void>} stop the orderly way
 * @property {() => void} stopNow the synchronous way, for the last moment
 */

/** @type {Set<Entry>} */
const entries = new Set();
let installed = false;
/** When the cleaning up for the last time began. */
let leavingSince = 0;

/** What a shell reports for a process that a signal ended: 128 + the signal's number. */
const SIGNAL_EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** A signal this long after the first is a second one. */
const IMPATIENT_MS = 1_000;

/**
 * Registers something to stop at the end of this process, newest first.
 *
 * @param {Entry} entry
 * @returns {() => void} forgets the entry, for whoever stopped it earlier
 */
export function onExit(entry) {
  install();
  entries.add(entry);
  return () => {
    entries.delete(entry);
  };
}

/** @returns {boolean} whether this process is cleaning up for the last time: what is stopped now did not fail by itself */
export function isLeaving() {
  return leavingSince > 0;
}

/** Stops everything that is registered, newest first. One failure does not keep the others from being stopped. */
export async function cleanUp() {
  for (const entry of [...entries].reverse()) {
    try {
      await entry.stop();
    } catch (error) {
      process.stderr.write(`While cleaning up: ${error instanceof Error ? error.message : String(error)}\n`);
    }
    entries.delete(entry);
  }
}

/**
 * Cleans up, then ends the process. For scripts whose work is done while servers or browsers may still hold the event loop.
 *
 * @param {number} code
 * @returns {Promise<never>}
 */
export async function exitAfterCleanUp(code) {
  // Who came first has said with which code.
  if (isLeaving()) return new Promise(() => {});
  leavingSince = Date.now();
  await cleanUp();
  process.exit(code);
}

function install() {
  if (installed) return;
  installed = true;
  for (const [signal, code] of Object.entries(SIGNAL_EXIT_CODES)) {
    process.on(signal, () => {
      if (!isLeaving()) void exitAfterCleanUp(code);
      // A second Ctrl+C means: at once. `exit` then takes the synchronous way. (One Ctrl+C may arrive twice, from the terminal
      // and from npm.)
      else if (Date.now() - leavingSince > IMPATIENT_MS) process.exit(code);
    });
  }
  process.on('beforeExit', () => {
    if (entries.size > 0) void cleanUp();
  });
  process.on('exit', () => {
    for (const entry of [...entries].reverse()) {
      try {
        entry.stopNow();
      } catch {
        // Nothing is left to be told, and the other entries still count.
      }
    }
  });
}
