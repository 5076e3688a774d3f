import type { InspectRequest } from '../../core/jobs/activity/inspection';
import type { ServerLink } from '../../core/jobs/ports';
import type { LaunchFacts } from './activityView';

/** The type of the panels of foreign workers. VS Code restores panels by it, so it must not change. */
export const ACTIVITY_VIEW_TYPE = 'pgBackground.activity';

/** A worker whose activity can be shown. */
export interface ActivityTarget extends InspectRequest {
  readonly link: ServerLink;
  readonly launch: LaunchFacts;
}
