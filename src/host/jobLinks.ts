import * as vscode from 'vscode';
import type { JobService } from '../core/jobs/jobService';
import { EXTENSION_ID } from './base/commandIds';
import { plainLabel } from './base/plainText';
import * as ui from './base/ui';

/** A link that opens a job's results, such as `vscode://pg-background.pg-background-workers/job/…`. */
export function jobLink(id: string): string {
  return vscode.Uri.from({ scheme: vscode.env.uriScheme, authority: EXTENSION_ID, path: `/job/${id}` }).toString();
}

/**
 * Opens the job of a link. Links come from anywhere, such as web pages, so this never runs, cancels, or changes anything.
 * @param restored resolves when the jobs of earlier sessions were read
 */
export function openJobLinks(
  jobs: Pick<JobService, 'get'>,
  restored: () => Promise<void>,
  show: (id: string) => Promise<void>,
): vscode.Disposable {
  return vscode.window.registerUriHandler({
    async handleUri({ path }) {
      const [, id] = /^\/job\/([^/]+)$/.exec(path) ?? [];
      if (id === undefined) {
        void ui.showErrorMessage(vscode.l10n.t('The link leads to nothing here: “{0}”.', plainLabel(path)));
        return;
      }
      await restored();
      if (jobs.get(id)) await show(id);
      else {
        void ui.showWarningMessage(
          vscode.l10n.t(
            'The job of the link is not listed here. It may have been cleared or belong to another workspace. A durable job is listed when its connection is open.',
          ),
        );
      }
    },
  });
}
