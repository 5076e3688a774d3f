/**
 * The rows of a job on disk. Other folders import the spool only from this file.
 *
 * `SpoolWriter` stores COPY text as received from the server. `SpoolReader` returns decoded rows from any position, also while the spool
 * grows.
 */
export type { SpoolColumn, SpoolLimits, SpoolStatus } from './spoolFormat';
export { COMPARISON, removeSpool, sweepOrphans } from './spoolFormat';
export { SpoolReader } from './spoolReader';
export { SpoolWriter } from './spoolWriter';
