import { TunerError } from '../errors.ts';
import { liveSettingOf } from '../steps/live-settings/all.ts';
import type { Step, StepKind } from '../steps/step.ts';
import { at, executeStep, type Work } from './execute.ts';
import { undoStep } from './undo.ts';

/**
 * Steps that wait for the verdict: what takes effect at a boot, what only marks a VM as tuned, and iothreads, which
 * other steps pin. An iothread without a disk does nothing, so new ones exist from the start.
 */
const NOT_SWITCHED: readonly StepKind[] = ['definition', 'restart', 'mark', 'hostPages', 'ioThread'];

/** Whether an experiment switches the step on and off. */
export const isSwitched = ({ kind }: Pick<Step, 'kind'>): boolean => !NOT_SWITCHED.includes(kind);

export function nothingToSwitch(): TunerError {
  return new TunerError(
    'TUNE_MEASURE',
    'nothing in this plan changes a running VM, so there is nothing to switch on and off; measure what needs a boot with --restarts, or apply it without measuring',
  );
}

/**
 * The live steps of an open transaction, executed and undone in turn. Each switch is journalled like any step and its
 * undo, so the journal always shows what is set, and `recover` undoes a run that was killed midway.
 */
export class LiveSwitch {
  readonly #work: Work;
  readonly #indexes: readonly number[];
  /** What each setting holds while it is off; steps with nothing to change are absent. */
  readonly #off = new Map<number, unknown>();

  constructor(work: Work) {
    this.#work = work;
    this.#indexes = [...work.journal.header.steps.keys()].filter((index) =>
      isSwitched(at(work.journal, index).step),
    );
  }

  /** Before the first switch: adds the iothreads that the steps refer to. */
  async prepare(): Promise<void> {
    for (const [index, step] of this.#work.journal.header.steps.entries()) {
      if (step.kind === 'ioThread' && step.to === 'present') await executeStep(this.#work, index);
    }
  }

  /**
   * Executes every live step.
   * @throws TunerError TUNE_MEASURE when they change nothing, so there is nothing to compare; TUNE_CHANGED when
   * something else has set one of them since.
   */
  async on(): Promise<void> {
    await this.check('off');
    for (const index of this.#indexes) {
      await executeStep(this.#work, index);
      const { progress } = at(this.#work.journal, index);
      if (progress.kind === 'done') this.#off.set(index, progress.was);
    }
    if (this.#off.size > 0) return;
    throw nothingToSwitch();
  }

  /**
   * Undoes them, in reverse order.
   * @throws TunerError TUNE_CHANGED when something else has set one of them; TUNE_MEASURE when the VM no longer runs.
   */
  async off(): Promise<void> {
    await this.check('on');
    for (const index of this.#indexes.toReversed()) {
      const ended = await undoStep(this.#work, index);
      if (ended !== undefined) throw new TunerError('TUNE_MEASURE', ended);
      if (!this.#off.has(index)) continue;
      const { step } = at(this.#work.journal, index);
      this.#off.set(index, await liveSettingOf(step).get(this.#work.link, step));
    }
  }

  /** @throws TunerError TUNE_CHANGED when a live setting does not have the value of this state. */
  async check(state: 'off' | 'on'): Promise<void> {
    for (const [index, was] of this.#off) {
      const { step } = at(this.#work.journal, index);
      const setting = liveSettingOf(step);
      const wanted = state === 'on' ? setting.target(step, was) : was;
      const difference = setting.differs(await setting.get(this.#work.link, step), wanted);
      if (difference === undefined) continue;
      throw new TunerError(
        'TUNE_CHANGED',
        `something else changed a setting during the measurement: ${difference}; measure again`,
      );
    }
  }
}
