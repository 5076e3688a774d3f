import assert from 'node:assert/strict';
import type { Fault } from '../../../src/core/base/fault';
import { ConnectError } from '../../../src/core/postgres/connect/errors';

/** Runs a function that must fail because of the profile, and returns the fault. */
export function faultFrom(run: () => unknown): Fault {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ConnectError, String(error));
    assert.equal(error.reason, 'profile');
    return error.fault;
  }
  assert.fail('no error');
}

/** A fault as one line: its code, then its field and parameters in order, e.g. `profile.portCount port ports=2 hosts=3`. */
export function lineOf({ code, field, params }: Fault): string {
  const values = Object.entries(params ?? {}).map(([name, value]) => `${name}=${String(value)}`);
  return [code, ...(field === undefined ? [] : [field]), ...values].join(' ');
}
