import '../../vscodeStandIn';
import assert from 'node:assert/strict';
import { Job, newRecord, type JobRecord } from '../../../src/core/jobs/job';
import { rowsText } from '../../../src/host/jobs/jobText';
import { IDLE_OWNER } from '../jobs/idleOwner';

describe('the number of rows of a job', () => {
  const text = (facts: Partial<JobRecord>, into?: string): string => {
    const request = { sql: '', label: '', connection: 'c', ...(into === undefined ? {} : { into }) };
    return rowsText(new Job({ ...newRecord('id', request, 'w', 0), ...facts }, IDLE_OWNER));
  };

  it('stands alone if the rows can be shown', () => {
    assert.equal(text({ rowCount: 1234, commandTag: 'SELECT', columns: [] }), '1,234 rows');
  });

  it('follows the command if there are no rows to show', () => {
    assert.equal(text({ rowCount: 5, commandTag: 'UPDATE' }), 'UPDATE · 5 rows');
    assert.equal(text({ rowCount: 0, commandTag: 'CREATE TABLE' }), 'CREATE TABLE');
    assert.equal(text({ commandTag: 'VACUUM' }), 'VACUUM');
  });

  it('counts the rows that are stored in a table', () => {
    assert.equal(text({ rowCount: 1, commandTag: 'CREATE TABLE AS' }, 'reports.daily'), '1 row stored');
    assert.equal(text({ rowCount: 0, commandTag: 'INSERT' }, 'reports.daily append'), '0 rows stored');
  });
});
