import type { Step } from '../steps/step.ts';
import type { JournalEvent, JournalHeader } from './records.ts';

/** How far a step has come, from its journal alone. */
export type StepProgress =
  | { readonly kind: 'untouched' }
  | { readonly kind: 'same' }
  /** Started; whether it was set is unknown. `seen`: what was read back, instead of the wanted value. */
  | {
      readonly kind: 'doing';
      readonly was: unknown;
      readonly run: number | undefined;
      readonly seen?: unknown;
    }
  | {
      readonly kind: 'done';
      readonly was: unknown;
      readonly run: number | undefined;
      readonly now: unknown;
      readonly proof: readonly string[];
    }
  /** Its undo started. `before`: what is being undone. */
  | {
      readonly kind: 'undoing';
      readonly to: unknown;
      readonly before: Begun;
      readonly error: string | undefined;
    }
  | { readonly kind: 'undone'; readonly note: string | undefined };

type Begun = Extract<StepProgress, { kind: 'doing' | 'done' }>;

/** `open`: still running, interrupted, or not undone completely. */
export type TransactionStatus = 'open' | 'committed' | 'undone' | 'rolled back';

export interface Progress {
  readonly status: TransactionStatus;
  /** The direction of an open transaction. */
  readonly direction: 'forward' | 'back';
  /** Its own steps, and those that a rollback added. */
  readonly steps: readonly { readonly step: Step; readonly progress: StepProgress }[];
  readonly failure:
    | { readonly code: string; readonly message: string; readonly step: number | undefined }
    | undefined;
  /** The report of the experiment that decided; undefined without one. */
  readonly measured: unknown;
}

export function progressOf(header: JournalHeader, events: readonly JournalEvent[]): Progress {
  const steps = [...header.steps];
  const states: StepProgress[] = [];
  let status: TransactionStatus = 'open';
  let direction: Progress['direction'] = 'forward';
  let committed = false;
  let failure: Progress['failure'];
  let measured: unknown;
  for (const event of events) {
    if ('step' in event && event.step !== undefined) {
      states[event.step] = next(states[event.step] ?? UNTOUCHED, event);
    }
    switch (event.event) {
      case 'failed':
        failure = { code: event.code, message: event.message, step: event.step };
        direction = 'back';
        measured = event.measured;
        break;
      case 'recover':
        if (event.how === 'undo') direction = 'back';
        break;
      case 'undoing':
        direction = 'back';
        break;
      case 'committed':
        [status, committed] = ['committed', true];
        measured = event.measured;
        break;
      case 'rollback':
        [status, direction] = ['open', 'back'];
        steps.push(...event.restarts);
        break;
      case 'rolledBack':
        status = committed ? 'rolled back' : 'undone';
        break;
    }
  }
  return {
    status,
    direction,
    steps: steps.map((step, index) => ({ step, progress: states[index] ?? UNTOUCHED })),
    failure,
    measured,
  };
}

const UNTOUCHED: StepProgress = { kind: 'untouched' };

function next(now: StepProgress, event: JournalEvent): StepProgress {
  switch (event.event) {
    case 'same':
      return { kind: 'same' };
    case 'doing':
      return { kind: 'doing', was: event.was, run: event.run };
    case 'done':
      if (now.kind !== 'doing') return now;
      return { kind: 'done', was: now.was, run: now.run, now: event.now, proof: event.proof };
    case 'failed':
      return now.kind === 'doing' ? { ...now, seen: event.now } : now;
    case 'undoing':
      if (now.kind === 'undoing') return { ...now, to: event.to };
      return now.kind === 'doing' || now.kind === 'done'
        ? { kind: 'undoing', to: event.to, before: now, error: undefined }
        : now;
    case 'remains':
      return now.kind === 'undoing' ? { ...now, error: event.message } : now;
    case 'undone':
      return { kind: 'undone', note: event.note };
    default:
      return now;
  }
}
