import assert from 'node:assert/strict';
import '../../vscodeStandIn';
import { readTaskDefinition } from '../../../src/host/tasks/taskDefinition';

describe('the definition of a task', () => {
  it('becomes the options of a launch', () => {
    const { variables, ...request } = readTaskDefinition({
      type: 'pgbg',
      label: 'nightly',
      file: 'nightly.sql',
      connection: 'shop',
      durable: false,
      batch: { parallel: 4, onFailure: 'continue' },
      timeout: '5min',
      workerTimeout: '0',
      variables: { day: '2026-01-31', n: 5, none: null },
    });
    assert.deepEqual(request, {
      what: { file: 'nightly.sql' },
      options: {
        label: 'nightly',
        connection: 'shop',
        durable: false,
        statementTimeoutMs: 300_000,
        workerTimeoutMs: 0,
      },
      batch: { parallel: 4, onFailure: 'continue' },
    });
    assert.deepEqual(Object.fromEntries(variables), { day: '2026-01-31', n: '5', none: 'NULL' });
    assert.deepEqual(readTaskDefinition({ sql: 'SELECT 1', batch: true, connection: '' }), {
      what: { sql: 'SELECT 1' },
      options: {},
      batch: { parallel: 1, onFailure: 'stop' },
      variables: new Map(),
    });
    assert.equal(readTaskDefinition({ sql: 'SELECT 1', batch: false }).batch, undefined);
  });

  it('is refused with the name of what is wrong', () => {
    const sql = 'SELECT 1';
    for (const [definition, message] of [
      [{}, /either “file” or “sql”/],
      [{ file: 'a.sql', sql }, /either “file” or “sql”/],
      [{ file: 5 }, /“file” of the task must be a text/],
      [{ sql, durable: 'yes' }, /“durable” of the task must be true or false/],
      [{ sql, timeout: 'soon' }, /“timeout” of the task must be a duration/],
      [{ sql, workerTimeout: '-1s' }, /“workerTimeout” of the task must be a duration/],
      ...['stop', null, [], { parallel: 0 }, { parallel: 1.5 }, { onFailure: 'ask' }].map(
        (batch) => [{ sql, batch }, /^Error: “batch” of the task must be/] as const,
      ),
      ...['day', ['day'], null, { day: true }, { day: {} }].map(
        (variables) => [{ sql, variables }, /^Error: “variables” of the task must be an object/] as const,
      ),
    ] as const) {
      assert.throws(() => readTaskDefinition(definition), message, JSON.stringify(definition));
    }
  });
});
