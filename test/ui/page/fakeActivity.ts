/** A worker that waits for a lock, with everything that the Activity view can show. */
import type { ActivityKind, ActivityView } from '../../../src/shared/activityProtocol';
import { ATTACK } from './fakeRows';

const KINDS = [
  'cpu',
  'cpu',
  'reading',
  'cpu',
  'reading',
  'writing',
  'waiting',
  'queue',
  'idle',
  'transaction',
] as const;

export function fakeActivity(seconds = 12): ActivityView {
  const samples = Array.from({ length: 52 }, (_, index) => {
    const kind: ActivityKind = index > 20 ? 'lock' : KINDS[index % KINDS.length]!;
    return { kind, text: kind };
  });
  const kinds = [...new Set(samples.map(({ kind }) => kind))];
  return {
    kind: 'lock',
    title: 'Waiting for a lock',
    explanation: 'Waiting to acquire a lock on a relation',
    warning: '2 other sessions have waited for it for more than 5 s (pids 811, 812).',
    strip: {
      title: 'Last minute',
      text: 'Samples of the last minute, one per second. waiting for a lock: 31 of 52.',
      samples,
      size: 60,
      legend: kinds.map((kind) => ({ kind, text: kind })),
    },
    sections: [
      {
        id: 'chain',
        title: 'Blocked by',
        chain: [
          {
            pid: 501,
            backendStart: '2026-11-27T03:00:00.000000Z',
            depth: 1,
            title: `pid 501 · app · nightly ${ATTACK}`,
            facts: [
              { label: 'State', value: 'active' },
              { label: 'Holds', value: 'AccessExclusiveLock · public.orders' },
              { label: 'Waits for', value: 'AccessExclusiveLock · public.customers' },
            ],
            query: 'ALTER TABLE customers ADD note text',
            actions: [
              { signal: 'cancel', title: 'Cancel Statement…' },
              { signal: 'terminate', title: 'Terminate Session…' },
            ],
            note: '',
          },
          {
            pid: 499,
            backendStart: '2026-11-27T02:00:00.000000Z',
            depth: 2,
            title: 'pid 499 · ada · psql',
            facts: [
              { label: 'State', value: `idle in transaction for ${seconds} s` },
              { label: 'Holds', value: 'RowExclusiveLock · public.customers' },
            ],
            query: `UPDATE customers SET name = '${ATTACK}'`,
            actions: [{ signal: 'terminate', title: 'Terminate Session…' }],
            note: 'No statement runs that could be canceled: only its end releases the lock.',
          },
        ],
      },
      {
        id: 'progress',
        title: 'Progress of the statement',
        progress: [
          {
            title: 'CREATE INDEX · public.orders',
            pct: 42,
            text: 'building index: scanning table · 42% · 420 of 1,000',
            facts: [{ label: 'blocks_total', value: '1,000' }],
          },
          { title: 'COPY FROM', text: '', facts: [{ label: 'tuples_processed', value: '12' }] },
        ],
      },
      {
        id: 'state',
        title: 'State',
        facts: [
          { label: 'State on the server', value: 'active' },
          { label: 'Wait event', value: 'Lock/relation' },
          { label: 'Statement running for', value: `${seconds} s` },
          {
            label: 'Temporary files',
            value: 'Your role may not see this. An administrator can allow it: GRANT pg_monitor TO app;',
          },
        ],
      },
      {
        id: 'locks',
        title: 'Locks',
        table: {
          columns: ['State', 'Mode', 'Type', 'Object'],
          rows: [
            ['awaited', 'RowExclusiveLock', 'relation', 'public.orders'],
            ['held', 'AccessShareLock', 'relation', 'public.items'],
          ],
        },
        note: '3 weaker locks are not listed.',
      },
      {
        id: 'settings',
        title: 'Settings',
        facts: [{ label: 'lock_timeout', value: '5s' }],
        note: 'As set at the launch. The server does not show the settings of another session.',
      },
    ],
  };
}
