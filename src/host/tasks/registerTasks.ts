import * as vscode from 'vscode';
import { Disposables } from '../base/disposables';
import { once } from '../base/once';
import type { TaskParts } from './taskProvider';

/** Registers the tasks of type `pgbg`. Their code is loaded when VS Code first asks for them. */
export function registerTasks(parts: TaskParts): Disposables {
  const disposables = new Disposables();
  const provider = once(async () => {
    const { TaskProvider } = await import('./taskProvider');
    return disposables.add(new TaskProvider(parts));
  });
  disposables.add(
    vscode.tasks.registerTaskProvider('pgbg', {
      provideTasks: async () => (await provider()).provide(),
      resolveTask: async (task) => (await provider()).resolve(task),
    }),
  );
  return disposables;
}
