import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { Gauge, Registry } from 'prom-client';
import type { Drift } from './drift.ts';

/**
 * What node_exporter's textfile collector reads: whether each tuned domain is as its profile wants it.
 * `nowMs`: wall clock, of the look.
 */
export async function driftMetrics(drifts: readonly Drift[], nowMs: number): Promise<string> {
  const registry = new Registry();
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> =>
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
  const drifted = gauge(
    'virtune_tuning_drift',
    'Whether a tuned domain differs from its profile: 1 if it does, else 0.',
    ['domain'],
  );
  const settings = gauge(
    'virtune_tuning_settings',
    'Settings of a tuned domain by their state relative to its profile.',
    ['domain', 'standing'],
  );
  const info = gauge('virtune_tuning_info', 'Profile that a domain was tuned with; the value is 1.', [
    'domain',
    'profile',
    'version',
  ]);
  const violations = gauge(
    'virtune_tuning_violations',
    'Safety rules that a tuned domain breaks, by level: refuse for rules that no plan may break, warn for advice.',
    ['domain', 'level'],
  );
  const at = gauge('virtune_tuning_checked_timestamp_seconds', 'Time of the last drift check.', []);
  for (const { plan, rows, count } of drifts) {
    const domain = plan.state.domain.name;
    drifted.set({ domain }, count > 0 ? 1 : 0);
    info.set({ domain, profile: plan.profile.name, version: plan.profile.version }, 1);
    for (const level of ['refuse', 'warn'] as const) {
      violations.set({ domain, level }, plan.violations.filter((each) => each.level === level).length);
    }
    for (const standing of ['held', 'waits', 'run', 'definition', 'unsupported'] as const) {
      const here = rows.filter((each) => each.standing === standing).length;
      settings.set({ domain, standing }, here);
    }
  }
  at.set(nowMs / 1_000);
  return registry.metrics();
}

/** Whole or not at all: the collector may read at any moment. */
export async function writeTextfile(path: string, text: string): Promise<void> {
  // Its ending keeps the collector from reading it too.
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    await writeFile(partial, text, { mode: 0o644, flag: 'wx' });
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
