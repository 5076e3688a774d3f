import type { SharedSession } from '../../core/jobs/batches/batchPart';
import { truncateLabel } from '../../core/sql/labels';
import { nameOf } from './editorTargets';
import type { PreparedLaunch } from './preparedLaunch';

/** Identifies the file of a launch: in psql, the statements of a file share a session. */
function fileOf({ target }: PreparedLaunch): unknown {
  return target.source ?? target.uri.toString();
}

/** Groups launches by file. */
export function groupByFile(all: readonly PreparedLaunch[]): (readonly PreparedLaunch[])[] {
  const groups = new Map<unknown, PreparedLaunch[]>();
  for (const prepared of all) {
    const group = groups.get(fileOf(prepared));
    if (group) group.push(prepared);
    else groups.set(fileOf(prepared), [prepared]);
  }
  return [...groups.values()];
}

/** The sessions that the launches share with the others of their files, in the order of the launches. */
export function sessionsOf(all: readonly PreparedLaunch[]): readonly (SharedSession | undefined)[] {
  const sessions = new Map<PreparedLaunch, SharedSession>();
  for (const [key, launches] of groupByFile(all).entries()) {
    const before = launches[0]?.session?.effects ?? [];
    for (const launch of launches) sessions.set(launch, { key, ...(before.length > 0 && { before }) });
  }
  return all.map((launch) => sessions.get(launch));
}

/** A launch with the modes of the transaction that its step of a script was. */
export function withModes(launch: PreparedLaunch): PreparedLaunch {
  const { request, target } = launch;
  const modes = target.step?.modes ?? {};
  if (Object.keys(modes).length === 0) return launch;
  return { ...launch, request: { ...request, settings: { ...request.settings, ...modes } } };
}

/** The label of a batch: the names of its files. */
export function batchLabel(all: readonly PreparedLaunch[]): string {
  return truncateLabel([...new Set(all.map(({ target }) => nameOf(target.uri)))].join(', '));
}
