import { alertmanagerExample } from './alertmanager.ts';
import { CLUSTER_LABEL, withClusterLabel } from './cluster-label.ts';
import { buildAlertRules, buildRecordingRules, type RuleOptions } from './rules/build.ts';
import { yamlFile } from './rules/yaml.ts';

/** File contents by path, relative to the installation folder. */
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
  /** The folder of the dashboards on Grafana's disk. */
  readonly grafanaPath?: string | undefined;
  /** URL of Prometheus for Grafana. */
  readonly prometheusUrl?: string | undefined;
  /** The label of a host's cluster. */
  readonly clusterLabel?: string | undefined;
}

export const DEFAULTS = {
  grafanaPath: '/var/lib/grafana/dashboards/virtune',
  prometheusUrl: 'http://prometheus:9090',
  scrapeInterval: '15s',
  clusterLabel: CLUSTER_LABEL,
} as const;

/** The files that depend on flags: rules, Alertmanager and Grafana provisioning. */
export function configurationFiles(options: FileOptions = {}): Files {
  const ours = <T>(content: T): T => withClusterLabel(content, options.clusterLabel ?? DEFAULTS.clusterLabel);
  return new Map([
    [
      PATHS.recordingRules,
      yamlFile(
        'virtune: recording rules used by dashboards and alerts.\nIn prometheus.yml: rule_files: [virtune-*.yaml]',
        ours(buildRecordingRules(options)),
      ),
    ],
    [
      PATHS.alertRules,
      yamlFile(
        'virtune: alerting rules. To change thresholds: virtune dashboards build --thresholds FILE. How they were chosen:\ndocs/alerting-on-overcommit.md',
        ours(buildAlertRules(options)),
      ),
    ],
    [
      PATHS.alertmanager,
      yamlFile(
        'Example Alertmanager configuration: replace these webhooks with your receivers.',
        ours(alertmanagerExample),
      ),
    ],
    [PATHS.dashboardProvider, yamlFile('Grafana: dashboard provider.', dashboardProvider(options))],
    [PATHS.dataSources, yamlFile('Grafana: Prometheus data source.', dataSources(options))],
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
