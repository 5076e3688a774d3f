import type { InspectRequest } from '../../core/jobs/activity/inspection';
import type { ServerLink } from '../../core/jobs/ports';
import type { LaunchFacts } from './activityView';

/** A worker whose activity can be shown. */
export interface ActivityTarget extends InspectRequest {
  readonly link: ServerLink;
  readonly launch: LaunchFacts;
}
