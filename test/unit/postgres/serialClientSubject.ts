import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { SerialClient, type SerialClientOptions } from '../../../src/core/postgres/client/serialClient';
import { FakeClock } from '../jobs/fakes';
import { FakeClient } from './fakeClient';

export const TIMEOUT_MS = 30_000;

export interface Subject {
  readonly fake: FakeClient;
  readonly clock: FakeClock;
  readonly client: SerialClient;
  readonly closedCalls: () => number;
  /** Cancels that are being sent. */
  readonly cancels: { sent(): void; failed(error: Error): void }[];
  /** How often the client checked whether the server answers new connections. */
  readonly checks: () => number;
}

export function newClient(options: Partial<SerialClientOptions> = {}): Subject {
  const fake = new FakeClient();
  const clock = new FakeClock();
  const cancels: { sent(): void; failed(error: Error): void }[] = [];
  let closedCalls = 0;
  let checks = 0;
  const client = new SerialClient(fake.asClient, {
    clock,
    responseTimeoutMs: TIMEOUT_MS,
    interrupt: () => new Promise((sent, failed) => cancels.push({ sent, failed })),
    onClosed: () => closedCalls++,
    ...options,
    isAnswered: async () => {
      checks++;
      return (await options.isAnswered?.()) ?? true;
    },
  });
  return { fake, clock, client, cancels, closedCalls: () => closedCalls, checks: () => checks };
}

/** The error of a promise, which must reject. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  assert.fail('did not reject');
}

export function sink(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
