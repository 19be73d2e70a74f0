import type { TypedParam } from '../../libvirt/typed-params.ts';

/** A domain in a journal: identified by UUID, the name is for users. */
export interface StepDomain {
  readonly uuid: string;
  readonly name: string;
}

/** A typed parameter in JSON: whole numbers as text, since JSON numbers cannot hold 64 bits. */
export interface StepParam extends Omit<TypedParam, 'value'> {
  readonly value: string | number | boolean;
}

/**
 * One change, as data: the live setting and its new value. The previous value is read immediately before the step and
 * stored in the journal with it, so that any reader of the journal can undo the step.
 *
 * CPUs and cells are lists in Linux's format.
 */
export type Step =
  | { readonly kind: 'vcpuPin'; readonly domain: StepDomain; readonly vcpu: number; readonly to: string }
  | { readonly kind: 'emulatorPin'; readonly domain: StepDomain; readonly to: string }
  | {
      readonly kind: 'ioThread';
      readonly domain: StepDomain;
      readonly id: number;
      readonly to: 'present' | 'absent';
    }
  | { readonly kind: 'ioThreadPin'; readonly domain: StepDomain; readonly id: number; readonly to: string }
  | {
      readonly kind: 'ioThreadParams';
      readonly domain: StepDomain;
      readonly id: number;
      readonly to: readonly StepParam[];
    }
  | { readonly kind: 'scheduler'; readonly domain: StepDomain; readonly to: readonly StepParam[] }
  | { readonly kind: 'memoryLimits'; readonly domain: StepDomain; readonly to: readonly StepParam[] }
  | { readonly kind: 'blkio'; readonly domain: StepDomain; readonly to: readonly StepParam[] }
  | {
      readonly kind: 'blockIoTune';
      readonly domain: StepDomain;
      readonly disk: string;
      readonly to: readonly StepParam[];
    }
  | {
      readonly kind: 'bandwidth';
      readonly domain: StepDomain;
      readonly device: string;
      readonly to: readonly StepParam[];
    }
  | { readonly kind: 'numaNodeset'; readonly domain: StepDomain; readonly to: string }
  | { readonly kind: 'balloonPeriod'; readonly domain: StepDomain; readonly to: number }
  | { readonly kind: 'balloonSize'; readonly domain: StepDomain; readonly to: number }
  /** The mark in the running domain's metadata; null: none. */
  | { readonly kind: 'mark'; readonly domain: StepDomain; readonly to: string | null }
  /** The whole definition, for the next boot. */
  | { readonly kind: 'definition'; readonly domain: StepDomain; readonly to: string }
  /** Stops the domain and starts it from its definition. */
  | { readonly kind: 'restart'; readonly domain: StepDomain; readonly to: 'restarted' }
  /** Number of pages of one size in a cell's pool. */
  | { readonly kind: 'hostPages'; readonly cell: number; readonly sizeKiB: number; readonly to: number }
  | { readonly kind: 'ksm'; readonly to: readonly StepParam[] }
  /** A kernel setting: one line in a file below /proc or /sys. */
  | {
      readonly kind: 'kernelFile';
      readonly root: 'proc' | 'sys';
      readonly file: string;
      readonly to: string;
    };

export type StepKind = Step['kind'];
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>;
