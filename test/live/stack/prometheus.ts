import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { buildAlertRules, buildRecordingRules } from '../../../dashboards/rules/build.ts';
import { until } from '../lab/run.ts';
import { spawnQuietly } from './spawn.ts';

export interface Target {
  readonly job: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [atSeconds: number, value: string];
}

export interface Prometheus {
  readonly url: string;
  query(expr: string): Promise<readonly Sample[]>;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  readonly port: number;
  readonly targets: readonly Target[];
  readonly alertmanager?: string | undefined;
  /** Factor by which every duration of the rules is shortened. */
  readonly faster: number;
  readonly scrapeInterval?: string;
  readonly evaluationInterval?: string;
}

/** A real Prometheus with the shipped rules, except for shorter durations. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const { port, targets, alertmanager, faster } = options;
  const folder = mkdtempSync(join(tmpdir(), 'virtune-prometheus-'));
  writeFileSync(join(folder, 'recording.yaml'), stringify(buildRecordingRules({ faster })));
  writeFileSync(join(folder, 'alerts.yaml'), stringify(buildAlertRules({ faster })));
  const config = {
    global: {
      scrape_interval: options.scrapeInterval ?? '3s',
      scrape_timeout: options.scrapeInterval ?? '3s',
      evaluation_interval: options.evaluationInterval ?? '1s',
    },
    rule_files: [join(folder, 'recording.yaml'), join(folder, 'alerts.yaml')],
    ...(alertmanager === undefined
      ? {}
      : { alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] } }),
    scrape_configs: [...new Set(targets.map(({ job }) => job))].map((job) => ({
      job_name: job,
      static_configs: targets
        .filter((target) => target.job === job)
        .map(({ address, labels }) => ({ targets: [address], labels })),
    })),
  };
  writeFileSync(join(folder, 'prometheus.yml'), stringify(config));
  const spawned = spawnQuietly('prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const url = `http://127.0.0.1:${port}`;
  const query = async (expr: string): Promise<readonly Sample[]> => {
    const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`);
    const said = (await response.json()) as {
      status: string;
      error?: string;
      data?: { resultType: string; result: Sample[] };
    };
    if (said.status !== 'success') throw new Error(`${expr}: ${said.error}`);
    return said.data?.result ?? [];
  };
  await until('Prometheus to be ready', 30_000, async () => (await fetch(`${url}/-/ready`)).ok);
  return {
    url,
    query,
    stop: async () => {
      await spawned.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
