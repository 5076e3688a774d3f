import { lowerCased, READ_ONLY } from '../../../jobs/settingNames';
import type { WorkerSettings } from '../../server/serverLinkTypes';
import type { ConnectionProfile } from './profile';

/** The parameters that a profile sets for its workers. */
export function workerSettingsOf({ workerSettings = {}, readOnly }: ConnectionProfile): WorkerSettings {
  return {
    defaults: lowerCased(workerSettings),
    enforced: readOnly === true ? READ_ONLY : {},
  };
}
