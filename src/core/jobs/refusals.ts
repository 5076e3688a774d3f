/** Why requests about jobs are refused. */
import { FaultError } from '../base/fault';
import type { DurableJobFault } from './durable/faults';
import type { JobFault } from './faults';

export function noneAfter(label: string, ended: boolean): FaultError<JobFault> {
  return new FaultError({ code: 'jobs.noneAfter', params: { label, ended } });
}

export function notTracked(label: string): FaultError<JobFault> {
  return new FaultError({ code: 'jobs.notTracked', params: { label } });
}

export function whileReading(label: string): FaultError<JobFault> {
  return new FaultError({ code: 'jobs.detachWhileReading', params: { label } });
}

export function notDetachable(label: string): FaultError<DurableJobFault> {
  return new FaultError({ code: 'durableJobs.notDetachable', params: { label } });
}

export function retryNotDurable(): FaultError<JobFault> {
  return new FaultError({ code: 'jobs.retryNotDurable' });
}
