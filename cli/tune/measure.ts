import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { jsonText } from '../../model/json-text.ts';
import { TunerError } from '../../tuner/errors.ts';
import { type Baseline, LEAST_SAMPLES, measureBaseline } from '../../tuner/measure/baseline.ts';
import { HOST_FIGURES, keyOf, sampleOf } from '../../tuner/measure/host-figures.ts';
import { Recorder } from '../../tuner/measure/recorder.ts';
import type { Design } from '../../tuner/measure/schedule.ts';
import { pickDomains } from '../../tuner/profile/pick.ts';
import { textTable } from '../../tuner/text-table.ts';
import { durationOption } from '../duration-option.ts';
import { log } from '../log.ts';
import { stopSignal } from '../signals.ts';
import { addDesignOptions, type DesignFlags, designOf } from './design-options.ts';
import { addTuneOptions, type TuneFlags } from './options.ts';
import { withSession } from './session.ts';
import { withSampler } from './with-sampler.ts';

interface Flags extends TuneFlags, DesignFlags {
  /** Seconds. */
  readonly for: number;
}

/** At least the samples that a baseline needs at the shortest interval; at most a day. */
const [FOR_SECONDS_MIN, FOR_SECONDS_MAX] = [LEAST_SAMPLES, 86_400];

export function measureCommand(): Command {
  const command = new Command('measure')
    .description(
      'measure VMs without changing them: level, spread, and the smallest effect an experiment could detect',
    )
    .argument('<domain...>', 'names, UUIDs or globs such as "db*"')
    .addOption(
      durationOption('--for', 'how long to measure', {
        minSeconds: FOR_SECONDS_MIN,
        maxSeconds: FOR_SECONDS_MAX,
        defaultSeconds: 600,
      }),
    )
    .action(async (patterns: string[], flags: Flags) => {
      const design = designOf(flags);
      checkFor(flags);
      const signal = stopSignal();
      const domains = await withSession(flags, { readOnly: true, signal }, async (session) =>
        pickDomains(session.domains, patterns).map(({ domain }) => domain),
      );
      const rows = await measure(domains, design, flags, signal);
      const text =
        flags.json === true
          ? jsonText({ format: 1, design, figures: rows.map(rowJson) }, 2)
          : report(rows, design);
      process.stdout.write(`${text}\n`);
    });
  return addTuneOptions(addDesignOptions(command));
}

interface Row {
  readonly domain: string;
  readonly figure: string;
  readonly baseline: ReturnType<typeof measureBaseline>;
}

/** @throws TunerError TUNE_USAGE when the time is too short for a result. */
function checkFor({ for: seconds, every }: Flags): void {
  if (seconds >= LEAST_SAMPLES * every) return;
  throw new TunerError(
    'TUNE_USAGE',
    `${seconds} s have too few samples, one every ${every} s; use a longer --for or a shorter --every`,
  );
}

/** Samples these VMs for the requested time, or until a signal. */
function measure(
  domains: readonly { readonly uuid: string; readonly name: string }[],
  design: Design,
  flags: Flags,
  signal: AbortSignal,
): Promise<Row[]> {
  return withSampler(flags, signal, async (sampler) => {
    const uuids = domains.map(({ uuid }) => uuid);
    const everyMs = flags.every * 1_000;
    const recorder = new Recorder(
      async () => sampler.sample().then((sample) => sampleOf(sample, uuids), missed),
      everyMs,
      {
        nowMs: () => performance.now(),
        wait: (ms) => sleep(ms, undefined, { signal }),
      },
    );
    log(`virtune: measuring for ${flags.for} s; Ctrl-C ends early and reports the samples so far`);
    await recorder.until(flags.for * 1_000).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    return domains.flatMap(({ uuid, name }) =>
      HOST_FIGURES.map((figure) => ({
        domain: name,
        figure: figure.name,
        baseline: measureBaseline(figure.kind, recorder.series(keyOf(uuid, figure)), everyMs, design),
      })),
    );
  });
}

/** A failed sample leaves a gap. */
function missed(error: Error): ReturnType<typeof sampleOf> {
  log(`virtune: no sample: ${error.message}`);
  return new Map();
}

function rowJson({ domain, figure, baseline }: Row): object {
  return 'missing' in baseline
    ? { domain, figure, missing: baseline.missing }
    : { domain, figure, missing: null, ...baseline };
}

function report(rows: readonly Row[], { pairs, blockMs, settleMs }: Design): string {
  const measured = rows.flatMap((row) =>
    'missing' in row.baseline ? [] : [{ ...row, baseline: row.baseline }],
  );
  const missing = rows.flatMap(({ domain, figure, baseline }) =>
    'missing' in baseline ? [`${JSON.stringify(domain)}: ${figure}: ${baseline.missing}`] : [],
  );
  const head = [
    'domain',
    'figure',
    'level',
    'spread',
    'autocorrelation',
    'between blocks',
    'smallest effect',
  ];
  const minutes = (2 * pairs * (blockMs + settleMs)) / 60_000;
  return [
    ...textTable(head, measured.map(cells)),
    '',
    `smallest effect: found with 80 % probability by ${2 * pairs} blocks of ${blockMs / 1_000} s after ${settleMs / 1_000} s to settle, ${minutes.toFixed(0)} min in all, if the load stays like this`,
    ...(measured.some(({ baseline }) => baseline.basis === 'modelled')
      ? ['*: computed from single samples; it misses slow changes. Measure for at least eight blocks.']
      : []),
    ...missing,
  ].join('\n');
}

function cells({
  domain,
  figure,
  baseline,
}: {
  domain: string;
  figure: string;
  baseline: Baseline;
}): string[] {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const basis = baseline.basis === 'modelled' ? ' *' : '';
  return [
    domain,
    figure,
    String(Number(baseline.level.toPrecision(3))),
    percent(baseline.spread),
    baseline.autocorrelation.toFixed(2),
    percent(baseline.pairSpread) + basis,
    Number.isFinite(baseline.smallestEffect) ? percent(baseline.smallestEffect - 1) + basis : 'none',
  ];
}
