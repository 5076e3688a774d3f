import type { ActionNode } from './actionNode';
import type { ConnectionNode } from './connectionNode';
import type { DayNode } from './dayNode';
import type { FaultNode } from './faultNode';
import type { JobNode } from './jobNode';
import type { OtherJobNode } from './otherJobNode';
import type { ProblemNode } from './problemNode';
import type { WorkerNode } from './workerNode';
import type { WorkspaceNode } from './workspaceNode';

/**
 * A row of the tree. `item()` renders it. Item ids are made from the identity of what the row shows, so that the selection survives a
 * refresh. Descriptions start with the most important part, because a narrow side bar cuts off the end.
 */
export type Node =
  ConnectionNode | DayNode | JobNode | WorkerNode | ProblemNode | ActionNode | FaultNode | WorkspaceNode | OtherJobNode;
