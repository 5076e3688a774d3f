// Registry of everything that must not outlive this process: child processes, servers, temporary folders.
//
// After a signal there is time to stop every entry in order and gracefully (`stop`). After `process.exit()` or an uncaught error,
// Node runs only synchronous code, so every entry also has a forceful way (`stopNow`). There is no handler for uncaught errors,
// because it would hide them from a test runner that has its own.

/**
 * @typedef {object} Entry
 * @property {() => Promise<void>} stop stops it gracefully
 * @property {() => void} stopNow stops it synchronously, while the process exits
 */

/** @type {Set<Entry>} */
const entries = new Set();
let installed = false;
/** When the final cleanup began. */
let leavingSince = 0;

/** As a shell reports a process that was ended by a signal: 128 + the signal's number. */
const SIGNAL_EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** One Ctrl+C may arrive twice, from the terminal and from npm. A signal this long after the first is a second Ctrl+C. */
const SECOND_SIGNAL_MS = 1_000;

/**
 * Registers something to stop when this process ends, newest first.
 *
 * @param {Entry} entry
 * @returns {() => void} removes the entry, for a caller that has stopped it
 */
export function onExit(entry) {
  install();
  entries.add(entry);
  return () => {
    entries.delete(entry);
  };
}

/** @returns {boolean} whether the final cleanup is running, so that a process that ends now was stopped and did not fail */
export function isLeaving() {
  return leavingSince > 0;
}

/** Stops all entries, newest first. Failures are logged and do not affect the other entries. */
export async function cleanUp() {
  for (const entry of [...entries].reverse()) {
    try {
      await entry.stop();
    } catch (error) {
      process.stderr.write(`Cleanup failed: ${error instanceof Error ? error.message : String(error)}\n`);
    }
    entries.delete(entry);
  }
}

/**
 * Cleans up, then ends the process. For scripts that are done while servers or browsers may still keep the event loop alive.
 *
 * @param {number} code
 * @returns {Promise<never>}
 */
export async function exitAfterCleanUp(code) {
  // The first caller decides the exit code.
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
      // A second Ctrl+C ends the process at once, with the synchronous cleanup.
      else if (Date.now() - leavingSince > SECOND_SIGNAL_MS) process.exit(code);
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
        // Nothing can be reported any more, and the other entries must still be stopped.
      }
    }
  });
}
