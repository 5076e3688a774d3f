import type { Clock } from '../../base/clock';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import type { Job } from '../job';
import type { CommandFiles, PendingCommand } from '../store/commandFiles';

/** An older command, except for a cancel, is not what the user wants any more. Milliseconds. */
const STALE_MS = 60_000;

export interface OwnerCommandsOptions {
  readonly files: Pick<CommandFiles, 'pending' | 'expected' | 'remove'>;
  readonly clock: Clock;
  readonly log: Logger;
  cancel(id: string, graceMs: number | undefined): Promise<unknown>;
  detach(id: string): void;
  runNext(id: string): void;
  resumeHeld(): void;
}

/** Executes the commands of other windows for the jobs of this one. */
export class OwnerCommands {
  /** Files of the commands that are being executed. */
  readonly #taken = new Set<string>();

  readonly #options: OwnerCommandsOptions;

  constructor(options: OwnerCommandsOptions) {
    this.#options = options;
  }

  /** Executes the commands for a job. Never rejects. */
  async execute(job: Job): Promise<void> {
    for (const command of await this.#take(job)) {
      try {
        this.#start(job, command);
      } catch (error) {
        this.#options.log.warn(`Job ${job.id}: ${command.command}, as another window asked: ${messageOf(error)}`);
      }
      await this.#done(job, command);
    }
  }

  /**
   * Called before a launch, and before the outcome of a worker that has ended is decided: notes a cancel that another window requested, and
   * perhaps signaled, while this process could not react. Never rejects.
   */
  async noteCancels(job: Job): Promise<void> {
    if (!(await this.#options.files.expected())) return;
    for (const command of await this.#take(job)) {
      const { at, graceMs = 0 } = command;
      if (command.command === 'cancel' && job.record.cancel === undefined && !job.final && !job.mirrored) {
        job.transition('cancel', { cancel: { requestedAt: at, graceMs } });
      }
      await this.#done(job, command);
    }
  }

  #start(job: Job, { command, graceMs, at }: PendingCommand): void {
    const { log, clock } = this.#options;
    if (job.final || (command !== 'cancel' && clock.now() - at > STALE_MS)) return;
    switch (command) {
      case 'cancel':
        this.#options.cancel(job.id, graceMs).catch((error: unknown) => {
          log.warn(`Job ${job.id} could not be canceled, as another window asked: ${messageOf(error)}`);
        });
        return;
      case 'detach':
        this.#options.detach(job.id);
        return;
      case 'runNext':
        this.#options.runNext(job.id);
        return;
      case 'resume':
        this.#options.resumeHeld();
        return;
    }
  }

  /** Each command is executed once. Those for a job that was lost are for its new owner. */
  async #take(job: Job): Promise<readonly PendingCommand[]> {
    const pending = await this.#options.files.pending(job.id);
    if (job.mirrored) return [];
    const taken = pending.filter(({ file }) => !this.#taken.has(file));
    for (const { file } of taken) this.#taken.add(file);
    return taken;
  }

  /** Removes a command once its effect is on disk. */
  async #done(job: Job, { file }: PendingCommand): Promise<void> {
    await job.saved;
    await this.#options.files.remove(file);
    this.#taken.delete(file);
  }
}
