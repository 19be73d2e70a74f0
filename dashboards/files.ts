import { alertmanagerExample } from './alertmanager.ts';
import { buildAlertRules, buildRecordingRules, type RuleOptions } from './rules/build.ts';
import { yamlFile } from './rules/yaml.ts';

/** Text by path, below the folder that is installed. */
export type Files = ReadonlyMap<string, string>;

export const PATHS = {
  recordingRules: 'prometheus/virtune-recording.yaml',
  alertRules: 'prometheus/virtune-alerts.yaml',
  alertmanager: 'alertmanager/alertmanager.yml',
  dashboards: 'grafana/dashboards',
  dashboardProvider: 'grafana/provisioning/dashboards/virtune.yaml',
  dataSources: 'grafana/provisioning/datasources/virtune.yaml',
} as const;

export interface FileOptions extends RuleOptions {
  /** Where Grafana finds the dashboards on its own disk. */
  readonly grafanaPath?: string | undefined;
  /** Prometheus as Grafana reaches it, and how often that scrapes. */
  readonly prometheusUrl?: string | undefined;
  readonly scrapeInterval?: string | undefined;
}

export const DEFAULTS = {
  grafanaPath: '/var/lib/grafana/dashboards/virtune',
  prometheusUrl: 'http://prometheus:9090',
  scrapeInterval: '15s',
} as const;

/** All that is made when it is asked for: the rules and what is configured around them. */
export function configurationFiles(options: FileOptions = {}): Files {
  return new Map([
    [
      PATHS.recordingRules,
      yamlFile(
        'virtune: series that dashboards and alerts stand on.\nIn prometheus.yml: rule_files: [virtune-*.yaml]',
        buildRecordingRules(options),
      ),
    ],
    [
      PATHS.alertRules,
      yamlFile(
        'virtune: alerts. Thresholds: virtune dashboards build --thresholds FILE; why they are what they are:\ndocs/alerting-on-overcommit.md',
        buildAlertRules(options),
      ),
    ],
    [
      PATHS.alertmanager,
      yamlFile(
        'An Alertmanager to start from: put your own receivers in the place of these webhooks.',
        alertmanagerExample,
      ),
    ],
    [PATHS.dashboardProvider, yamlFile('Grafana: finds the dashboards.', dashboardProvider(options))],
    [PATHS.dataSources, yamlFile('Grafana: finds Prometheus.', dataSources(options))],
  ]);
}

function dashboardProvider({ grafanaPath = DEFAULTS.grafanaPath }: FileOptions): unknown {
  return {
    apiVersion: 1,
    providers: [
      {
        name: 'virtune',
        folder: 'virtune',
        type: 'file',
        disableDeletion: true,
        allowUiUpdates: false,
        options: { path: grafanaPath, foldersFromFilesStructure: false },
      },
    ],
  };
}

function dataSources({
  prometheusUrl = DEFAULTS.prometheusUrl,
  scrapeInterval = DEFAULTS.scrapeInterval,
}: FileOptions): unknown {
  return {
    apiVersion: 1,
    datasources: [
      {
        name: 'Prometheus',
        type: 'prometheus',
        url: prometheusUrl,
        isDefault: true,
        // Without the scrape interval Grafana's $__rate_interval is wrong.
        jsonData: { timeInterval: scrapeInterval },
      },
    ],
  };
}
