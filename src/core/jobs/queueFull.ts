/** The wait event of a worker whose queue is full (docs/internals/pg-background.md). */
export const QUEUE_FULL = 'MessageQueuePutMessage';
