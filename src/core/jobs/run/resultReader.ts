import { Writable } from 'node:stream';
import type { JobError } from '../../../api';
import { WorkerFailedError } from '../errors';
import type { RowPlan, WorkerHandle, WorkerSession } from '../ports';

/** What reading a worker's result told. */
export type ReadRows =
  | { readonly rows: number; readonly tag: string; readonly problem?: string }
  | { readonly error: JobError; readonly interrupted?: boolean; readonly unreadable?: boolean };

/** Reads a worker's result into a stream; the worker's own error is an answer. Rejects where the session is lost. */
export async function readRows(
  session: WorkerSession,
  worker: WorkerHandle,
  plan: RowPlan,
  into: Writable,
  told: (rows: number) => { readonly tag: string; readonly rows: number },
): Promise<ReadRows> {
  try {
    const { rows, sinkError } = await session.read(worker, plan, into);
    return {
      ...told(rows),
      ...(sinkError ? { problem: `Its rows could not be kept: ${sinkError.message}` } : {}),
    };
  } catch (error) {
    if (!(error instanceof WorkerFailedError)) throw error;
    const { interrupted, unreadable } = error;
    return { error: error.error, unreadable, ...(interrupted === undefined ? {} : { interrupted }) };
  }
}

export function discard(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/** More than the longest command tag. Bytes. */
const TAG_BYTES = 200;

/** If the last statement returns no rows, the tags of all statements come, one in each row. The last one is kept. */
export function collectTag(): { readonly stream: Writable; text(): string } {
  let text = '';
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text = (text + chunk.subarray(-TAG_BYTES).toString('utf8')).slice(-TAG_BYTES);
      done();
    },
  });
  return { stream, text: () => text.split('\n').findLast((line) => line !== '') ?? '' };
}
