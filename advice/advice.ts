/** The subject of advice; stable, and the name of its page: docs/advice/KIND.md. */
export const ADVICE_KINDS = [
  'backing-chain-deep',
  'balloon-silent',
  'balloon-squeezed',
  'cpu-overcommit',
  'cpu-quota',
  'cpu-steal',
  'cpus-squeezed',
  'dedicated-cpus-shared',
  'disk-cache-mode',
  'disk-cache-unsafe',
  'disk-errors',
  'disk-io-mode',
  'disk-limit',
  'disk-slow',
  'guest-memory-starved',
  'host-memory-short',
  'hugepages-short',
  'iothread-missing',
  'job-running',
  'ksm-dependence',
  'memory-remote',
  'nic-drops',
  'nic-emulated',
  'numa-split',
  'small-pages',
  'snapshot-old',
  'storage-hot-spot',
  'vm-crashed',
  'vm-oversized',
  'vm-paused-io-error',
  'vm-undersized',
  'vm-unresponsive',
  'vm-wider-than-cell',
  'wide-vm',
] as const;
export type AdviceKind = (typeof ADVICE_KINDS)[number];

/** Found from days of recorded series; all others from minutes of samples. */
export const SIZING_KINDS = ['vm-oversized', 'vm-undersized'] as const satisfies readonly AdviceKind[];

export type Severity = 'bad' | 'warn' | 'info';

export interface VmRef {
  readonly uuid: string;
  /** Untrusted text. */
  readonly name: string;
}

/** A VM and the figure that shows its role: what it suffers, or what it uses. */
export interface Affected extends VmRef {
  readonly evidence: string;
}

/** A figure over the window, in plain units. */
export interface Evidence {
  readonly figure: string;
  /** How the value is derived from the samples; a fact is a single reading. */
  readonly statistic: 'median' | 'mean' | 'p90' | 'maximum' | 'fact';
  readonly value: number;
  /** `%`, `ms`, `CPUs`, `MiB/s`, ...; empty for a count. */
  readonly unit: string;
  /** Samples that had the figure, and the time from the first to the last; 1 and 0 for a fact. */
  readonly samples: number;
  readonly spanMs: number;
  /** Share of the samples, 0 to 1, above the limit from which the figure matters. */
  readonly above?: { readonly limit: number; readonly share: number } | undefined;
}

/** One command, and the VM that it changes; absent for one that changes the host. */
export interface Step {
  readonly argv: readonly string[];
  readonly vm?: VmRef | undefined;
}

export type Effect = 'live' | 'next boot' | 'live or next boot' | 'nothing changes';

/** A change that would help. virtune never makes it on its own initiative. */
export interface Remedy {
  readonly change: string;
  /** In order; empty where no command fits every host. */
  readonly steps: readonly Step[];
  /** What others lose by it, computed from the demand on the whole host. */
  readonly cost: string;
  /** VMs that lose by it, and are named in `cost`. */
  readonly payers: readonly VmRef[];
  /** What the victims gain; `unknown` where nothing is measured or published. */
  readonly gain: string;
  readonly risk: string;
  readonly effect: Effect;
  /** The profile that the steps apply; the tuner checks it before the remedy is offered. */
  readonly profile?: { readonly name: string; readonly vms: readonly VmRef[] } | undefined;
}

/** One cause, with everything that it hurts. */
export interface Advice {
  readonly kind: AdviceKind;
  /** Stable for the same cause: the kind, plus the first part of a UUID where a kind is found per VM. */
  readonly id: string;
  readonly severity: Severity;
  /** What hurts, in one sentence. */
  readonly title: string;
  /** VMs that it hurts or puts at risk, the worst first. */
  readonly victims: readonly Affected[];
  readonly evidence: readonly Evidence[];
  readonly cause: string;
  /** VMs that cause it, the largest first. */
  readonly culprits: readonly Affected[];
  /** The best first; the others are alternatives. */
  readonly remedies: readonly Remedy[];
  /** Share of time that the victims lose, summed over them: 2.5 is two VMs and a half. 0: a risk. */
  readonly harm: number;
}
