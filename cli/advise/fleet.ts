import { type Command, InvalidArgumentError, Option } from 'commander';
import { constraintsOf, constraintsSchema } from '../../advice/fleet/constraints.ts';
import { planFleet } from '../../advice/fleet/plan.ts';
import { planJson } from '../../advice/fleet/plan-json.ts';
import { readFleet } from '../../advice/fleet/read/read-fleet.ts';
import { virshScript } from '../../advice/fleet/virsh.ts';
import { readYamlFile } from '../../exporter/config/yaml-file.ts';
import { formatSeconds } from '../../model/duration.ts';
import { jsonText } from '../../model/json-text.ts';
import { openPrometheus } from '../../sampler/prometheus/prometheus.ts';
import { durationOption } from '../duration-option.ts';
import { UsageError } from '../usage-error.ts';
import { fleetText } from './fleet-text.ts';

export interface FleetFlags {
  readonly fleet?: boolean | undefined;
  readonly prometheus?: string | undefined;
  /** Seconds. */
  readonly range: number;
  readonly job: string;
  readonly clusterLabel: string;
  readonly constraints?: string | undefined;
  /** A fraction. */
  readonly headroom?: number | undefined;
  readonly json?: boolean | undefined;
  readonly virsh?: boolean | undefined;
  /** Seconds. */
  readonly queryTimeout: number;
}

const HOUR_SECONDS = 3_600;

export function addFleetOptions(command: Command): Command {
  return command
    .option('--fleet', 'plan VM moves between hosts from metrics in Prometheus; moves nothing')
    .addOption(
      new Option(
        '--prometheus <url>',
        'Prometheus with metrics and recording rules of virtune: alone for sizes of VMs, with --fleet for moves',
      ).env('VIRTUNE_PROMETHEUS'),
    )
    .addOption(
      durationOption('--range', 'with --prometheus: how far to look back, in whole hours', {
        minSeconds: HOUR_SECONDS,
        maxSeconds: 90 * 86_400,
        defaultSeconds: 7 * 86_400,
      }),
    )
    .option('--job <regex>', "with --prometheus: jobs of virtune's exporters", 'virtune.*')
    .option('--instance <host>', 'with --prometheus: label instance of the host, with or without its port')
    .option('--cluster-label <name>', 'with --fleet: label of the cluster of a host', labelName, 'cluster')
    .option('--constraints <file>', 'with --fleet: YAML file with limits, affinity and what must not move')
    .option('--headroom <percent>', 'with --fleet: CPUs and memory to keep free on destination hosts', share)
    .option('--virsh', 'with --fleet: print a shell script of virsh migrate commands')
    .addOption(
      durationOption('--query-timeout', 'with --prometheus: time limit for one query', {
        minSeconds: 1,
        maxSeconds: HOUR_SECONDS,
        defaultSeconds: 120,
      }),
    );
}

function labelName(text: string): string {
  if (!/^[a-zA-Z_]\w*$/.test(text)) throw new InvalidArgumentError('Expected the name of a label.');
  return text;
}

function share(text: string): number {
  const percent = Number(text.replace(/\s*%$/, ''));
  if (text.trim() === '' || !(percent >= 0 && percent <= 90))
    throw new InvalidArgumentError('Expected a percentage from 0 to 90.');
  return percent / 100;
}

export async function adviseFleet(flags: FleetFlags): Promise<void> {
  if (flags.prometheus === undefined) throw new UsageError('--fleet needs --prometheus URL');
  if (flags.json === true && flags.virsh === true) throw new UsageError('use --json or --virsh, not both');
  const file =
    flags.constraints === undefined ? {} : await readYamlFile(flags.constraints, constraintsSchema);
  const constraints = constraintsOf(file, flags.headroom);
  const rangeSeconds = Math.floor(flags.range / HOUR_SECONDS) * HOUR_SECONDS;
  const { fleet, leftOut, warnings } = await readFleet(
    openPrometheus(flags.prometheus, {
      timeoutMs: flags.queryTimeout * 1_000,
      ifSlow: 'raise --query-timeout',
    }),
    {
      nowSeconds: Math.floor(Date.now() / 1_000),
      rangeSeconds,
      job: flags.job,
      clusterLabel: flags.clusterLabel,
      sharedStorage: file.shared_storage ?? [],
      labels: constraints.labels,
    },
  );
  const plan = planFleet(fleet, constraints);
  const text =
    flags.json === true
      ? jsonText(planJson(plan, { limits: constraints.limits, rangeSeconds, leftOut, warnings }), 2)
      : flags.virsh === true
        ? virshScript(plan.moves, file.uri).join('\n')
        : fleetText(plan, { leftOut, warnings, range: formatSeconds(rangeSeconds) });
  process.stdout.write(`${text}\n`);
}
