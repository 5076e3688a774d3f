import * as vscode from 'vscode';
import type { Workspace } from '../../../core/jobs/workspaces/workspaceList';
import { join } from '../../jobs/jobText';
import { workspaceName } from '../otherJobs';
import type { OtherJobNode } from './otherJobNode';

/** Another workspace with jobs. */
export class WorkspaceNode {
  jobs: readonly OtherJobNode[] = [];
  /** Increases when {@link jobs} changes. */
  version = 0;

  constructor(readonly workspace: Workspace) {}

  item(): vscode.TreeItem {
    const { key } = this.workspace;
    const name = workspaceName(this.workspace);
    const item = new vscode.TreeItem(name, vscode.TreeItemCollapsibleState.Expanded);
    item.id = `workspace:${key}`;
    item.description = vscode.l10n.t('other workspace');
    item.iconPath = new vscode.ThemeIcon('folder');
    item.contextValue = 'workspace';
    item.accessibilityInformation = { label: join(name, vscode.l10n.t('other workspace')) };
    return item;
  }
}
