import * as vscode from 'vscode';
import { ownRequest } from '../../core/jobs/batches/batchSession';
import type { JobService } from '../../core/jobs/jobService';
import { WORKERS_VIEW } from '../base/commandIds';
import * as ui from '../base/ui';
import { targetsOf } from '../commands/jobTargets';
import type { Node } from './nodes/node';

/** What VS Code calls the rows of our view that are dragged. */
const ROWS = `application/vnd.code.tree.${WORKERS_VIEW.toLowerCase()}`;

/** Drags jobs: into an editor, which inserts their SQL, or onto another queued job, whose place in the queue they take. */
export class DragJobs implements vscode.TreeDragAndDropController<Node> {
  readonly dragMimeTypes = ['text/plain'];
  readonly dropMimeTypes = [ROWS];

  readonly #jobs: JobService;
  readonly #moved: (connection: string) => void;

  /** @param moved called when the queue of a connection has another order */
  constructor(jobs: JobService, moved: (connection: string) => void) {
    this.#jobs = jobs;
    this.#moved = moved;
  }

  async handleDrag(source: readonly Node[], data: vscode.DataTransfer): Promise<void> {
    const { jobs } = targetsOf(this.#jobs, source[0], source);
    if (jobs.length === 0) return;
    // The SQL of a durable job may be cut in the list.
    await Promise.all(jobs.map(({ id }) => this.#jobs.durable.whole(id)));
    data.set(
      'text/plain',
      new vscode.DataTransferItem(jobs.map(({ record }) => terminated(ownRequest(record).sql)).join('\n\n')),
    );
    data.set(ROWS, new vscode.DataTransferItem(jobs.map(({ id }) => id)));
  }

  handleDrop(target: Node | undefined, data: vscode.DataTransfer): void {
    const dragged: unknown = data.get(ROWS)?.value;
    const ids = Array.isArray(dragged) ? targetsOf(this.#jobs, dragged[0], dragged).jobs.map(({ id }) => id) : [];
    const waiting = targetsOf(this.#jobs, target, undefined).jobs.filter(({ state }) => state === 'queued');
    const [first] = waiting;
    if (!first || ids.length === 0 || waiting.some(({ id }) => ids.includes(id))) return;
    const { connection } = first.record;
    const queue = this.#jobs.queue(connection);
    // Jobs that move towards the end go behind all jobs of a batch.
    const forward = queue.indexOf(ids[0] ?? '') < queue.indexOf(first.id);
    const place = forward ? (waiting.at(-1) ?? first) : first;
    if (this.#jobs.moveQueued(ids, place.id)) this.#moved(connection);
    else
      ui.setStatusBarMessage(vscode.l10n.t('Only queued jobs of this window can be moved, within their queue.'), 5000);
  }
}

/** The SQL with a semicolon at its end, unless a comment there would contain it. */
function terminated(sql: string): string {
  const text = sql.trimEnd();
  return text.endsWith(';') ? text : `${text}${/--[^\n]*$/.test(text) ? '\n' : ''};`;
}
