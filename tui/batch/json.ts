import { scaled } from '../../model/catalogue/metric.ts';
import { jsonText } from '../../model/json-text.ts';
import { contentionRatio } from '../../model/overcommit.ts';
import { kibToBytes } from '../../model/units.ts';
import { vmColumns } from '../columns/vm-columns.ts';
import type { HostView, Scene } from '../model/host-view.ts';
import type { Vm } from '../model/vm.ts';
import { verdictOf } from '../render/verdict.ts';
import { rounded } from './batch.ts';

/** Incremented when a name or a meaning changes; new names may be added at any time. */
const JSON_VERSION = 3;

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** One line per tick. Unknown values are null, and `missing` has the reasons. */
export function jsonLine(scene: Scene, vms: readonly Vm[]): string {
  return `${jsonText({
    version: JSON_VERSION,
    time: new Date(scene.atMs).toISOString(),
    hosts: scene.hosts.map(hostJson),
    vms: vms.map(vmJson),
  })}\n`;
}

function hostJson(host: HostView): Json {
  const { sample, rates, down } = host;
  const figures = sample?.host;
  const { overcommit, contention } = sample ?? {};
  const share = (value: number | undefined): number | null => orNull(scaled(value, (each) => each * 100));
  const kib = (value: number | undefined): number | null => orNull(scaled(value, kibToBytes));
  return {
    name: host.name,
    uri: host.uri,
    up: down === undefined,
    error: down?.error.message ?? null,
    libvirt_version: sample?.versions?.libvirt ?? null,
    sample_milliseconds: orNull(sample?.durationMs),
    cpus_online: figures?.cpusOnline ?? null,
    cpu_busy_percent: share(rates?.cpu?.busy),
    cpu_user_percent: share(rates?.cpu?.user),
    cpu_kernel_percent: share(rates?.cpu?.kernel),
    cpu_iowait_percent: share(rates?.cpu?.ioWait),
    cpu_steal_percent: share(rates?.cpu?.steal),
    memory_total_bytes: kib(figures?.memoryKiB.get('total')),
    memory_free_bytes: kib(figures?.memoryKiB.get('free')),
    vcpus_running: overcommit?.vcpusRunning ?? null,
    vcpus_paused: overcommit?.vcpusPaused ?? null,
    vcpus_defined: overcommit?.vcpusDefined ?? null,
    vcpu_ratio: orNull(overcommit?.vcpuRatio),
    memory_maximum_ratio: orNull(overcommit?.memoryMaximumRatio),
    memory_current_ratio: orNull(overcommit?.memoryCurrentRatio),
    contention_percent: share(contention && contentionRatio(contention)),
    verdict: verdictOf(host).text,
    pressure: Object.fromEntries(
      [...(rates?.pressure ?? [])].map(([resource, { some, full }]) => [
        resource,
        { some_percent: share(some), full_percent: share(full) },
      ]),
    ),
  };
}

function vmJson(vm: Vm): Json {
  const figures: Record<string, Json> = {};
  const missing: Record<string, string> = {};
  for (const column of vmColumns) {
    const value = rounded(column, vm);
    figures[column.id] = value ?? null;
    if (value === undefined) missing[column.id] = column.why?.(vm) ?? 'not_reported';
  }
  return {
    ...figures,
    // The column has only their number.
    findings: vm.findings.map(({ kind, id, severity, text, evidence, cause, change, commands }) => ({
      kind,
      id,
      severity,
      text,
      evidence,
      cause,
      change: change ?? null,
      commands,
    })),
    missing,
  };
}

function orNull(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : Math.round(value * 1e4) / 1e4;
}
