import { TunerError } from '../errors.ts';
import { findRun, quoted } from '../steps/domain-run.ts';
import type { StepKind, StepOf } from '../steps/step.ts';
import { at, executeStep, restartAgain, type Work } from './execute.ts';
import { undoStep } from './undo.ts';

/** Not switched: a mark is only for a VM that stays tuned, and page pools stay grown. */
const NOT_SWITCHED: readonly StepKind[] = ['mark', 'hostPages'];
const WHY_UNDONE = 'it was restarted with its previous definition';

/** TUNE_MEASURE: the plan has no restart, so restarts would change nothing. */
export function nothingToBoot(): TunerError {
  return new TunerError(
    'TUNE_MEASURE',
    'this plan restarts no VM, so there is nothing to measure by restarts; measure what changes live without --restarts, or make a plan in a file with --restart',
  );
}

/**
 * Restarts a domain with and without the settings of an open transaction, in turn. Each restart is journalled like any
 * step and its undo, so that `recover` restarts a domain that a killed run left with the settings, and no other.
 */
export class BootSwitch {
  readonly #work: Work;
  readonly #definition: number;
  readonly #restart: number;
  /** Live steps to execute after the restart: what a definition cannot hold, and steps of the host. */
  readonly #live: readonly number[];
  #isOn = false;

  constructor(work: Work) {
    this.#work = work;
    const { steps } = work.journal.header;
    const find = (kind: StepKind): number => steps.findIndex((step) => step.kind === kind);
    this.#definition = find('definition');
    this.#restart = find('restart');
    if (this.#definition < 0 || this.#restart < 0) throw nothingToBoot();
    const others = [...steps.keys()].filter(
      (index) => index !== this.#definition && index !== this.#restart && !this.#waits(index),
    );
    this.#live = others;
  }

  #waits(index: number): boolean {
    return NOT_SWITCHED.includes(at(this.#work.journal, index).step.kind);
  }

  /** Before the first boot: grows the page pools that a definition depends on; they stay during the measurement. */
  async prepare(): Promise<void> {
    for (const index of this.#work.journal.header.steps.keys()) {
      if (index > this.#definition) return;
      if (at(this.#work.journal, index).step.kind === 'hostPages') await executeStep(this.#work, index);
    }
  }

  /**
   * Restarts the domain with the settings, or without them.
   *
   * @throws TunerError TUNE_MEASURE when it does not run, TUNE_RESTART when it does not shut down or start.
   */
  async boot(arm: 'off' | 'on'): Promise<void> {
    await this.#checkRuns();
    // Undone before the restart: what these steps found in one run does not apply to another.
    for (const index of this.#live.toReversed()) await this.#undo(index);
    if (arm === 'on') {
      await executeStep(this.#work, this.#definition);
      await restartAgain(this.#work, this.#restart);
    } else if (this.#isOn) {
      await this.#undo(this.#definition);
      await this.#undo(this.#restart);
    } else {
      await restartAgain(this.#work, this.#restart);
      // It runs with its old settings: an undo does not have to restart it.
      const { journal } = this.#work;
      await journal.append({ event: 'undone', step: this.#restart, note: WHY_UNDONE });
    }
    this.#isOn = arm === 'on';
    if (arm === 'on') for (const index of this.#live) await executeStep(this.#work, index);
  }

  async #undo(index: number): Promise<void> {
    const ended = await undoStep(this.#work, index);
    if (ended !== undefined) throw new TunerError('TUNE_MEASURE', ended);
  }

  async #checkRuns(): Promise<void> {
    const { domain } = at(this.#work.journal, this.#restart).step as StepOf<'restart'>;
    const { kind } = await findRun(this.#work.link, domain);
    if (kind === 'runs') return;
    const how = kind === 'gone' ? 'is no longer on this host' : 'is shut off';
    throw new TunerError('TUNE_MEASURE', `domain ${quoted(domain)} ${how}, so it cannot be restarted`);
  }
}
