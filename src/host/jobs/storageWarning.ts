import * as vscode from 'vscode';
import type { Disposable } from '../../core/base/disposable';
import { messageOf } from '../../core/base/errors';
import type { JobService } from '../../core/jobs/jobService';
import { commandId } from '../base/commandIds';
import * as ui from '../base/ui';

/** Warns if the folder of jobs cannot be written, once until it can be written again. */
export class StorageWarning implements vscode.Disposable {
  readonly #listener: Disposable;

  constructor(jobs: JobService) {
    this.#listener = jobs.onStorageFault(({ folder, error }) => void this.#warn(folder, error));
  }

  dispose(): void {
    this.#listener.dispose();
  }

  async #warn(folder: string, error: unknown): Promise<void> {
    const clear = vscode.l10n.t('Clear Finished Jobs');
    const choice = await ui.showWarningMessage(
      vscode.l10n.t(
        'Jobs cannot be saved in {0}: {1}. They continue, and saving is retried. Until it succeeds, a reload would lose them.',
        folder,
        messageOf(error),
      ),
      clear,
    );
    if (choice === clear) await vscode.commands.executeCommand(commandId('clearFinishedJobs'));
  }
}
