import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { figure } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { bootAnother, removeGuest } from './lab/guests.ts';
import { PREFIX } from './lab/paths.ts';
import { sleep, until } from './lab/run.ts';
import { startSecondLibvirtd } from './lab/second-daemon.ts';
import { virsh } from './lab/virsh.ts';
import { startAlertmanager } from './stack/alertmanager.ts';
import { type Prometheus, startPrometheus } from './stack/prometheus.ts';
import { startWebhook, type Webhook } from './stack/webhook.ts';

/*
 * A live migration that takes longer than the alerts wait: all that time the VM is paused at its destination (reason 2,
 * migration), runs at its source, and is in the statistics of both.
 */

const domain = `${PREFIX}migrated`;
/** How long the migration is held; seven minutes in `.ci/nightly`, where durations of the rules are not shortened. */
const HOLD_SECONDS = Number(process.env['VIRTUNE_MIGRATION_SECONDS'] ?? 42);
/** Shortens durations of the rules as if the migration were held for seven minutes. */
const FASTER = Math.max(1, 420 / HOLD_SECONDS);
/** Bandwidth per second, so that copying the guest's memory takes longer than that. */
const SLOW = '20k';
const FAST = '1G';

let source: VirtuneProcess;
let destination: VirtuneProcess;
let prometheus: Prometheus;
let webhook: Webhook;
let secondUri: string;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  bootAnother(domain, '');
  closers.push(() => removeGuest(domain));
  const second = await startSecondLibvirtd();
  closers.push(() => second.stop());
  secondUri = second.uri;
  source = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0');
  destination = new VirtuneProcess('exporter', '--connect', secondUri, '--listen', '127.0.0.1:0');
  closers.push(
    () => source.stop(),
    () => destination.stop(),
  );
  webhook = await startWebhook();
  closers.push(() => webhook.close());
  const alertmanager = await startAlertmanager(19_293, webhook.url);
  closers.push(() => alertmanager.stop());
  const target = async (exporter: VirtuneProcess, instance: string) => ({
    job: 'virtune',
    address: new URL(await exporter.url()).host,
    labels: { instance, cluster: 'prod' },
  });
  prometheus = await startPrometheus({
    port: 19_290,
    faster: FASTER,
    alertmanager: alertmanager.address,
    targets: [await target(source, 'source'), await target(destination, 'destination')],
  });
  closers.push(() => prometheus.stop());
}, 180_000);

afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

/** The value of a query that finds one series. */
async function value(expr: string): Promise<number | undefined> {
  const found = await prometheus.query(expr);
  return found.length === 1 ? Number(found[0]?.value[1]) : undefined;
}

test(
  `a live migration that is held for ${HOLD_SECONDS} s sends no page and counts its memory once`,
  async () => {
    const memory =
      'sum by (cluster) (cluster:virtune_memory_overcommit:ratio * on (cluster) group_left () sum by (cluster) (libvirt_host_memory_bytes{kind="total"}))';
    // Not recorded while only the destination, which has no VM, has been scraped.
    const allocated = await until(
      'the recorded memory of the cluster',
      60_000,
      async () => (await value(memory)) || undefined,
    );
    const migration = spawn(
      'virsh',
      ['migrate', '--live', '--bandwidth', '1', domain, secondUri, 'tcp://127.0.0.1'],
      {
        stdio: 'ignore',
      },
    );
    const ended = once(migration, 'exit');
    await until('the migration to begin', 60_000, async () => {
      const series = await source.scrape();
      return (
        (figure(series, 'libvirt_domain_job_memory_bytes', {
          domain,
          operation: 'migration_out',
          kind: 'remaining',
        }) ?? 0) > 0
      );
    });
    virsh('qemu-monitor-command', domain, '--hmp', `migrate_set_parameter max-bandwidth ${SLOW}`);
    const paused = `libvirt_domain_info_state{instance="destination",domain="${domain}",state_desc="paused"}`;
    await Promise.race([ended, sleep(HOLD_SECONDS * 1_000)]);
    expect(migration.exitCode).toBe(null);
    // Seen paused at the destination all that time, and running at the source.
    expect(await value(`count_over_time(${paused}[${HOLD_SECONDS}s])`)).toBeGreaterThan(HOLD_SECONDS / 5);
    expect(await value(`libvirt_domain_info_state{instance="source",domain="${domain}"}`)).toBe(1);
    // Twice as much if it were counted twice.
    expect(await value(memory)).toBeCloseTo(allocated, -7);
    expect(webhook.sent.filter(({ labels }) => labels['severity'] === 'critical')).toEqual([]);
    expect(webhook.sent.filter(({ labels }) => labels['domain'] === domain)).toEqual([]);
    virsh('qemu-monitor-command', domain, '--hmp', `migrate_set_parameter max-bandwidth ${FAST}`);
    await ended;
    expect(migration.exitCode).toBe(0);
    await until('the VM to run at the destination', 60_000, async () => {
      return (
        (await value(
          `libvirt_domain_info_state{instance="destination",domain="${domain}",state_desc="running"}`,
        )) === 1
      );
    });
    expect(webhook.sent.filter(({ labels }) => labels['severity'] === 'critical')).toEqual([]);
  },
  (HOLD_SECONDS + 240) * 1_000,
);
