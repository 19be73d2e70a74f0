import type { Files } from '../files.ts';
import { yamlFile } from '../rules/yaml.ts';
import { dashboardsOf, rulesOf } from './contents.ts';

/**
 * For clusters with prometheus-operator: rules as PrometheusRule, and dashboards as ConfigMaps for Grafana's sidecar
 * (the chart kube-prometheus-stack) or as GrafanaDashboard for grafana-operator. Namespace and selector labels depend
 * on the site, and are added by its kustomization.
 */
const FOLDER = 'kubernetes';
const RULES = `${FOLDER}/prometheus-rules`;
const CONFIG_MAPS = `${FOLDER}/grafana-configmaps`;
const OPERATOR = `${FOLDER}/grafana-operator`;

/** Defaults of the sidecar in Grafana's Helm chart: the label it selects, and the annotation of the target folder. */
const SIDECAR = { label: 'grafana_dashboard', folderAnnotation: 'grafana_folder' };
const GRAFANA_FOLDER = 'virtune';

const LABELS = { 'app.kubernetes.io/name': 'virtune', 'app.kubernetes.io/part-of': 'virtune' };

export function kubernetesFiles(files: Files): Files {
  const dashboards = dashboardsOf(files);
  const { recording, alerts } = rulesOf(files);
  const names = [...dashboards.keys()].map((name) => `${name}.yaml`);
  return new Map([
    [
      `${FOLDER}/kustomization.yaml`,
      kustomization(
        ['prometheus-rules', 'grafana-configmaps'],
        'For prometheus-operator and the sidecar of Grafana, as in kube-prometheus-stack. With grafana-operator, use\ngrafana-operator in the place of grafana-configmaps.\nPrometheus only reads rules with the labels that it selects: add them and the namespace in your own kustomization\n(docs/dashboards.md).',
      ),
    ],
    [`${RULES}/kustomization.yaml`, kustomization(['recording.yaml', 'alerts.yaml'])],
    [`${RULES}/recording.yaml`, object(prometheusRule('virtune-recording', recording))],
    [`${RULES}/alerts.yaml`, object(prometheusRule('virtune-alerts', alerts))],
    [`${CONFIG_MAPS}/kustomization.yaml`, kustomization(names)],
    ...[...dashboards].map(([name, json]): [string, string] => [
      `${CONFIG_MAPS}/${name}.yaml`,
      object(configMap(name, json)),
    ]),
    [`${OPERATOR}/kustomization.yaml`, kustomization(['../grafana-configmaps', ...names])],
    ...names.map((file): [string, string] => [
      `${OPERATOR}/${file}`,
      object(grafanaDashboard(file.slice(0, -'.yaml'.length))),
    ]),
  ]);
}

const object = (content: unknown): string => yamlFile('Made by virtune dashboards build.', content);

function kustomization(resources: readonly string[], comment = 'Made by virtune dashboards build.'): string {
  return yamlFile(comment, {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources,
  });
}

/** monitoring.coreos.com/v1: its `spec` has the format of a Prometheus rule file. */
function prometheusRule(name: string, spec: unknown): unknown {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name, labels: LABELS },
    spec,
  };
}

const nameOf = (dashboard: string): string => `virtune-dashboard-${dashboard}`;
const keyOf = (dashboard: string): string => `virtune-${dashboard}.json`;

function configMap(dashboard: string, json: string): unknown {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: nameOf(dashboard),
      labels: { ...LABELS, [SIDECAR.label]: '1' },
      annotations: { [SIDECAR.folderAnnotation]: GRAFANA_FOLDER },
    },
    // On one line: kubectl apply keeps a copy in an annotation, which is limited to 256 KiB.
    data: { [keyOf(dashboard)]: JSON.stringify(JSON.parse(json)) },
  };
}

/** grafana.integreatly.org/v1beta1; the selector is that of the operator's examples. */
function grafanaDashboard(dashboard: string): unknown {
  return {
    apiVersion: 'grafana.integreatly.org/v1beta1',
    kind: 'GrafanaDashboard',
    metadata: { name: nameOf(dashboard), labels: LABELS },
    spec: {
      instanceSelector: { matchLabels: { dashboards: 'grafana' } },
      folder: GRAFANA_FOLDER,
      configMapRef: { name: nameOf(dashboard), key: keyOf(dashboard) },
    },
  };
}
