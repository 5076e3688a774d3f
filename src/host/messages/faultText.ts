/** Turns any fault into the sentence that the user sees. Each area adds its table of sentences here. */
import { describeFault, faultOf, isTextFault, type Fault } from '../../core/base/fault';
import { CONNECT_MESSAGES } from './connectMessages';
import { CRON_MESSAGES } from './cronMessages';
import { DURABLE_JOB_MESSAGES } from './durableJobMessages';
import { DURABLE_MESSAGES } from './durableMessages';
import { ENTRY_MESSAGES } from './entryMessages';
import { FILTER_MESSAGES } from './filterMessages';
import { JOB_MESSAGES } from './jobMessages';
import { messageFor } from './messages';
import { PROFILE_MESSAGES } from './profileMessages';
import { RESULTS_MESSAGES } from './resultsMessages';
import { SERVER_MESSAGES } from './serverMessages';
import { SQL_MESSAGES } from './sqlMessages';

const ALL_MESSAGES = {
  ...CONNECT_MESSAGES,
  ...CRON_MESSAGES,
  ...DURABLE_JOB_MESSAGES,
  ...DURABLE_MESSAGES,
  ...ENTRY_MESSAGES,
  ...FILTER_MESSAGES,
  ...JOB_MESSAGES,
  ...PROFILE_MESSAGES,
  ...RESULTS_MESSAGES,
  ...SERVER_MESSAGES,
  ...SQL_MESSAGES,
};

/** The sentence for a fault of any area, including the text of its cause. A text without a code is returned unchanged. */
export function faultText(fault: Fault): string {
  if (isTextFault(fault)) return fault.params.text;
  const causes = [...(fault.cause === undefined ? [] : [fault.cause]), ...(fault.causes ?? [])];
  const cause = causes.map(faultText).join(' ');
  try {
    return messageFor(ALL_MESSAGES, fault, cause);
  } catch {
    // A record written by another version, or damaged, may lack parameters.
    return describeFault(fault);
  }
}

/** The text for an error of any kind: the sentence of its fault, or the message of an error that has none. */
export function errorText(error: unknown): string {
  return faultText(faultOf(error));
}
