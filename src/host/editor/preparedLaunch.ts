import type { NewJob } from '../../core/jobs/jobService';
import type { SessionSettings } from '../../core/sql/settings/sessionSettings';
import type { SqlTarget } from './editorTargets';

/** A launch for which all checks and questions are done. */
export interface PreparedLaunch {
  readonly target: SqlTarget;
  readonly request: NewJob;
  /** Maps an offset in the SQL of the request to one in the target's text. */
  readonly sourceOffset: (offset: number) => number;
  /** For a step of a script: the settings of the file before it, if the user wants them. */
  readonly session?: SessionSettings;
}
