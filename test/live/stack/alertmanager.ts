import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { alertmanagerExample } from '../../../dashboards/alertmanager.ts';
import { until } from '../lab/run.ts';
import { spawnQuietly } from './spawn.ts';

/** A real Alertmanager with the shipped routes and inhibitions; all receivers are one webhook. */
export async function startAlertmanager(
  port: number,
  webhook: string,
): Promise<{ readonly address: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-alertmanager-'));
  const config = {
    ...alertmanagerExample,
    route: { ...alertmanagerExample.route, group_wait: '1s', group_interval: '2s' },
    receivers: alertmanagerExample.receivers.map(({ name }) => ({
      name,
      webhook_configs: [{ url: webhook, send_resolved: true }],
    })),
  };
  writeFileSync(join(folder, 'alertmanager.yml'), stringify(config));
  const spawned = spawnQuietly('prometheus-alertmanager', [
    `--config.file=${join(folder, 'alertmanager.yml')}`,
    `--storage.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address=',
  ]);
  const address = `127.0.0.1:${port}`;
  await until('Alertmanager to be ready', 30_000, async () => (await fetch(`http://${address}/-/ready`)).ok);
  return {
    address,
    stop: async () => {
      await spawned.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
