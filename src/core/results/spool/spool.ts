/**
 * The rows of a job on disk: the one door to the files beside this one that keep them.
 *
 * `SpoolWriter` takes COPY text as it comes from the server, `SpoolReader` gives pages of decoded rows from anywhere in it, also
 * while it grows.
 */
export type { SpoolColumn, SpoolLimits, SpoolStatus } from './spoolFormat';
export { removeSpool, sweepOrphans } from './spoolFormat';
export { SpoolReader } from './spoolReader';
export { SpoolWriter } from './spoolWriter';
