import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textFault } from '../../../src/core/base/fault';
import { extensionFunctionsOf, ExtensionError } from '../../../src/core/postgres/pgBackground/extensionFunctions';
import {
  ConnectionGoneError,
  isServerError,
  isTransient,
  mayEndSession,
  toJobError,
} from '../../../src/core/postgres/errors';
import { ConnectError } from '../../../src/core/postgres/connect/errors';

const V18 =
  'pg_background_launch/2,pg_background_launch_v2/2,pg_background_submit_v2/2,pg_background_result/1,pg_background_result_v2/2,pg_background_detach_v2/2,pg_background_cancel_v2/2,pg_background_cancel_v2_grace/3,pg_background_wait_v2/2,pg_background_wait_v2_timeout/3,pg_background_get_progress_v2/2';
const V19 = `${V18},pg_background_launch_v2/3,pg_background_submit_v2/3,pg_background_result_info_v2/2,pg_background_error_info_v2/2`;
const V20 =
  'pg_background_launch/2,pg_background_launch/3,pg_background_launch_v2/2,pg_background_submit/3,pg_background_wait/3,pg_background_wait_v2/3,pg_background_cancel/3,pg_background_cancel_v2/3,pg_background_detach/2,pg_background_result/2,pg_background_result_info/2,pg_background_error_info/2,pg_background_get_progress/2';

describe('functions of pg_background', () => {
  it('are those of version 1.8', () => {
    const d = extensionFunctionsOf(['public', '1.8', V18], 'db');
    assert.equal(d.launch('$1'), 'public.pg_background_launch_v2($1, $2::pg_catalog.int4)');
    assert.equal(d.hasLabel, false);
    assert.equal(d.wait, 'public.pg_background_wait_v2_timeout($1, $2, $3)');
    assert.equal(d.cancel, 'public.pg_background_cancel_v2($1, $2)');
    assert.equal(d.progress, 'public.pg_background_get_progress_v2($1, $2)');
    assert.deepEqual([d.resultInfo, d.errorInfo], [undefined, undefined]);
  });

  it('are those of version 1.9 and later 1.x', () => {
    const d = extensionFunctionsOf(['"my s"', '1.9', V19], 'db');
    assert.equal(d.launch('x'), '"my s".pg_background_launch_v2(x, $2::pg_catalog.int4, $3::pg_catalog.text)');
    assert.equal(d.resultInfo, '"my s".pg_background_result_info_v2($1, $2)');
    assert.equal(d.result, '"my s".pg_background_result_v2');
  });

  it('are those of version 2.0, whatever its aliases', () => {
    const d = extensionFunctionsOf(['public', '2.0', V20], 'db');
    assert.equal(d.launch('$1'), 'public.pg_background_launch($1, $2::pg_catalog.int4, $3::pg_catalog.text)');
    assert.equal(d.wait, 'public.pg_background_wait($1, $2, $3)');
    assert.equal(d.cancel, 'public.pg_background_cancel($1, $2, 0)');
  });

  it('cancel with a grace of 0 in every version, and only one file contains a call of a cancel function', async () => {
    const everything = `${V18},${V19},pg_background_cancel_v2/3,pg_background_cancel_all/0,pg_background_cancel_by_label/2`;
    for (const functions of [V18, V19, V20, everything, `${everything},${V20}`]) {
      const { cancel } = extensionFunctionsOf(['public', 'any', functions], 'db');
      assert.match(cancel, /^public\.pg_background_cancel(_v2)?\(\$1, \$2(, 0)?\)$/);
    }
    const files = (await readdir('src', { recursive: true })).filter((name) => name.endsWith('.ts'));
    for (const name of files) {
      const text = await readFile(join('src', name), 'utf8');
      // Comments may mention them.
      const code = text.replace(/\/\*[^]*?\*\/|\/\/.*/g, '');
      assert.ok(!/cancel_v2_grace|cancel_by_label|cancel_all\(/.test(code), name);
      if (!name.endsWith('extensionFunctions.ts')) assert.ok(!code.includes('pg_background_cancel'), name);
    }
  });

  it('are not found in a database without pg_background, and one with a version that is too old', () => {
    assert.throws(
      () => extensionFunctionsOf(undefined, 'db'),
      (error) => error instanceof ExtensionError && error.isMissing && error.fault.code === 'server.extensionMissing',
    );
    assert.throws(
      () => extensionFunctionsOf(['public', '1.4', 'pg_background_launch/2'], 'db'),
      (error) =>
        error instanceof ExtensionError &&
        !error.isMissing &&
        error.message === 'server.extensionTooOld (version=1.4, database=db)',
    );
    assert.throws(() => extensionFunctionsOf(['public', '1.0', null], 'db'), ExtensionError);
  });
});

describe('errors of a connection', () => {
  const server = (code: string, severity = 'ERROR') => Object.assign(new Error('m'), { code, severity });
  const node = (code: string) => Object.assign(new Error('m'), { code });

  it('distinguishes errors of the server from those of the network', () => {
    assert.ok(isServerError(server('22012')));
    assert.ok(!isServerError(node('EPIPE')) && !isServerError(new Error('x')) && !isServerError('x'));
    assert.ok(
      mayEndSession(server('57P01')) && mayEndSession(server('XX000', 'FATAL')) && !mayEndSession(server('57014')),
    );
  });

  it('recognizes transient errors', () => {
    const passing = [
      node('ECONNREFUSED'),
      server('57P03'),
      server('53300'),
      new ConnectionGoneError('m'),
      new Error('m', { cause: new ConnectionGoneError('m') }),
      new ConnectError('starting', textFault('m')),
      new ConnectError('server', textFault('m'), { cause: node('ECONNRESET') }),
    ];
    for (const error of passing) assert.ok(isTransient(error), String(error));
    for (const error of [
      server('28P01'),
      server('57014'),
      new ConnectError('authentication', textFault('m')),
      new Error('Connection terminated unexpectedly'),
      'x',
      undefined,
    ])
      assert.ok(!isTransient(error));
  });

  it('converts errors for the record of a job', () => {
    const error = Object.assign(server('42703'), {
      detail: 'd',
      hint: '',
      position: '8',
      where: 'background worker, pid 12\nSQL function "f"\nbackground worker, pid 12',
    });
    assert.deepEqual(
      toJobError(error, (at) => at * 2),
      { sqlstate: '42703', message: 'm', detail: 'd', context: 'SQL function "f"', position: 16 },
    );
    assert.deepEqual(toJobError('odd'), { sqlstate: '', message: 'odd' });
  });
});
