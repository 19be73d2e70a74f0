import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { readBuiltDashboards } from '../../dashboards/built.ts';
import { configurationFiles, type Files, PATHS } from '../../dashboards/files.ts';
import { dashboardsOf } from '../../dashboards/forms/contents.ts';
import { otherForms } from '../../dashboards/forms/forms.ts';
import { mixinFiles } from '../../dashboards/forms/mixin.ts';
import { alertGroups } from '../../dashboards/rules/alerts/all.ts';
import type { RuleFile } from '../../dashboards/rules/build.ts';
import { durationOf } from '../../dashboards/rules/duration.ts';
import type { Settings } from '../../dashboards/rules/settings.ts';
import { BUILT, builtDashboards } from './built.ts';

const BUILT_URL = new URL(`file://${BUILT}/`);
const PLAIN: Files = new Map([...readBuiltDashboards(BUILT_URL), ...configurationFiles()]);
const MIXIN = mixinFiles(BUILT_URL, {});
const FORMS = otherForms(PLAIN);
const PAGES = [...builtDashboards().keys()];
const isInstalled = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;
const hasKubectl = isInstalled('kubectl', 'kustomize', '--help');
const hasJsonnet = isInstalled('jsonnet', '--version');
if (!hasJsonnet)
  console.warn('jsonnet is not installed, so the mixin is not evaluated: apt-get install jsonnet');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-forms-'));
  for (const [path, text] of [...PLAIN, ...FORMS, ...MIXIN]) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (path: string): unknown => parse(FORMS.get(path) ?? PLAIN.get(path) ?? '');

// The schemas below state what the CRDs allow: prometheus-operator 0.82 and grafana-operator 5, config of their API
// servers. A field that is not in a CRD is dropped silently, so none is allowed.
const DURATION = z
  .string()
  .regex(/^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$/);
const LABEL_VALUE = z.string().regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/);
const METADATA = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/),
  labels: z.record(z.string(), LABEL_VALUE),
  annotations: z.record(z.string(), z.string()).optional(),
});
const STRINGS = z.record(z.string(), z.string());
const RULE = z.union([
  z.strictObject({ record: z.string(), expr: z.string(), labels: STRINGS.optional() }),
  z.strictObject({
    alert: z.string(),
    expr: z.string(),
    for: DURATION.optional(),
    keep_firing_for: DURATION.optional(),
    labels: STRINGS.optional(),
    annotations: STRINGS.optional(),
  }),
]);
const PROMETHEUS_RULE = z.strictObject({
  apiVersion: z.literal('monitoring.coreos.com/v1'),
  kind: z.literal('PrometheusRule'),
  metadata: METADATA,
  spec: z.strictObject({
    groups: z.array(
      z.strictObject({ name: z.string().min(1), interval: DURATION.optional(), rules: z.array(RULE) }),
    ),
  }),
});
const GRAFANA_DASHBOARD = z.strictObject({
  apiVersion: z.literal('grafana.integreatly.org/v1beta1'),
  kind: z.literal('GrafanaDashboard'),
  metadata: METADATA,
  spec: z.strictObject({
    instanceSelector: z.strictObject({ matchLabels: STRINGS }),
    folder: z.string(),
    configMapRef: z.strictObject({ name: z.string(), key: z.string() }),
  }),
});
const CONFIG_MAP = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('ConfigMap'),
  metadata: METADATA,
  data: z.record(z.string().regex(/^[-._a-zA-Z0-9]+$/), z.string()),
});

test('a PrometheusRule has what its CRD allows, and the rules of the plain files', () => {
  for (const [path, plain] of [
    ['kubernetes/prometheus-rules/recording.yaml', PATHS.recordingRules],
    ['kubernetes/prometheus-rules/alerts.yaml', PATHS.alertRules],
  ] as const) {
    const { spec } = PROMETHEUS_RULE.parse(read(path));
    expect(spec).toEqual(read(plain));
    const names = spec.groups.map(({ name }) => name);
    expect(new Set(names).size, path).toBe(names.length);
  }
});

test.each(PAGES)('%s is a ConfigMap for the sidecar, and a GrafanaDashboard that refers to it', (page) => {
  const map = CONFIG_MAP.parse(read(`kubernetes/grafana-configmaps/${page}.yaml`));
  expect(map.metadata.labels['grafana_dashboard']).toBe('1');
  const { spec } = GRAFANA_DASHBOARD.parse(read(`kubernetes/grafana-operator/${page}.yaml`));
  expect(spec.configMapRef.name).toBe(map.metadata.name);
  expect(JSON.parse(map.data[spec.configMapRef.key] ?? '')).toEqual(builtDashboards().get(page));
});

test('every object fits into the annotation in which kubectl apply keeps a copy of it', () => {
  for (const [path, text] of FORMS) {
    if (!path.startsWith('kubernetes/')) continue;
    expect(Buffer.byteLength(JSON.stringify(parse(text))), path).toBeLessThan(262_144);
  }
});

test('each kustomization lists the files beside it', () => {
  const folders = [...FORMS.keys()].filter((path) => path.endsWith('/kustomization.yaml')).map(dirname);
  expect(folders).toHaveLength(4);
  for (const each of folders) {
    const { resources } = read(`${each}/kustomization.yaml`) as { resources: string[] };
    const beside = [...FORMS.keys()]
      .filter((path) => dirname(path) === each && !path.endsWith('/kustomization.yaml'))
      .map((path) => path.slice(each.length + 1));
    expect(resources.filter((name) => name.endsWith('.yaml')).sort(), each).toEqual(beside.sort());
  }
});

test.skipIf(!hasKubectl)('kustomize builds all of it, in the namespace and with the labels of a site', () => {
  const site = join(folder, 'site');
  mkdirSync(site);
  const labels = [{ pairs: { release: 'prometheus' } }];
  for (const [form, kinds] of [
    ['kubernetes', { PrometheusRule: 2, ConfigMap: PAGES.length }],
    ['kubernetes/grafana-operator', { ConfigMap: PAGES.length, GrafanaDashboard: PAGES.length }],
  ] as const) {
    const own = { resources: [`../${form}`], namespace: 'monitoring', labels };
    writeFileSync(join(site, 'kustomization.yaml'), JSON.stringify(own));
    const { stdout, stderr, status } = spawnSync('kubectl', ['kustomize', site], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const built = stdout.split(/^---$/m).map((text) => parse(text) as z.infer<typeof CONFIG_MAP>);
    const counted = Object.groupBy(built, ({ kind }) => kind);
    expect(Object.fromEntries(Object.entries(counted).map(([kind, list]) => [kind, list?.length]))).toEqual(
      kinds,
    );
    expect(
      built.every(({ metadata }) => metadata.labels['release'] === 'prometheus' && 'namespace' in metadata),
    ).toBe(true);
  }
});

interface Imported {
  readonly __inputs: readonly { readonly name: string; readonly pluginId: string }[];
  readonly __requires: readonly { readonly type: string; readonly id: string }[];
  readonly panels: readonly { readonly type: string; readonly datasource?: { readonly uid: string } }[];
  readonly templating: { readonly list: readonly { readonly type: string; readonly current?: object }[] };
}

test.each(PAGES)('%s can be imported: it asks for a data source, and says which panels it needs', (page) => {
  const form = JSON.parse(FORMS.get(`grafana/import/${page}.json`) ?? '') as Imported;
  expect(form.__inputs.map(({ name, pluginId }) => [name, pluginId])).toEqual([
    ['DS_PROMETHEUS', 'prometheus'],
  ]);
  const variable = form.templating.list.find(({ type }) => type === 'datasource');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what Grafana replaces at import
  expect(variable?.current).toMatchObject({ value: '${DS_PROMETHEUS}' });
  const types = new Set(form.panels.map(({ type }) => type).filter((type) => type !== 'row'));
  const required = form.__requires.filter(({ type }) => type === 'panel').map(({ id }) => id);
  expect(required).toEqual([...types].sort());
  const { __inputs, __requires, __elements, ...rest } = form as Imported & { __elements: object };
  const plain = builtDashboards().get(page);
  expect({ ...rest, templating: undefined }).toEqual({ ...plain, id: null, templating: undefined });
});

test('the mixin imports each dashboard', () => {
  const text = MIXIN.get('mixin/mixin.libsonnet') ?? '';
  const imported = [...text.matchAll(/import "([^"]+)"/g)].map((match) => join('mixin', match[1] ?? ''));
  expect(imported.sort()).toEqual(PAGES.map((page) => `mixin/dashboards/${page}.libsonnet`).sort());
  expect([...MIXIN.keys()].sort()).toEqual(['mixin/mixin.libsonnet', ...imported].sort());
});

interface Evaluated {
  readonly rules: RuleFile;
  readonly alerts: RuleFile;
  readonly dashboards: Readonly<Record<string, unknown>>;
}

/** The result for a site that imports the mixin and changes its `_config`. */
function evaluated(config: object, inFolder = 'mixin'): Evaluated {
  const expression = `local mixin = (import 'mixin.libsonnet') + { _config+:: ${JSON.stringify(config).replaceAll('{"', '{ "').replaceAll('":{', '"+: {')} };
    { rules: mixin.prometheusRules, alerts: mixin.prometheusAlerts, dashboards: mixin.grafanaDashboards }`;
  const { stdout, stderr, status } = spawnSync('jsonnet', ['-e', expression], {
    cwd: join(folder, inFolder),
    encoding: 'utf8',
    maxBuffer: 64 * 1_024 * 1_024,
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Evaluated;
}

/** The plain files omit durations of 0. */
const withDurations = ({ groups }: RuleFile): unknown => ({
  groups: groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => ('alert' in rule ? { for: '0s', ...rule } : rule)),
  })),
});

const dashboardsWith = (settings: Settings, clusterLabel?: string): Record<string, unknown> =>
  Object.fromEntries(
    [...dashboardsOf(readBuiltDashboards(BUILT_URL, settings, clusterLabel))].map(([page, json]) => [
      `virtune-${page}.json`,
      JSON.parse(json),
    ]),
  );

test.skipIf(!hasJsonnet)('the mixin evaluates to the rules and the dashboards', () => {
  const { rules, alerts, dashboards } = evaluated({});
  expect(rules).toEqual(read(PATHS.recordingRules));
  expect(withDurations(alerts)).toEqual(withDurations(read(PATHS.alertRules) as RuleFile));
  expect(dashboards).toEqual(dashboardsWith({}));
});

/** Each threshold, duration and severity, changed. */
const ALL_CHANGED = Object.fromEntries(
  alertGroups
    .flatMap(({ alerts }) => alerts)
    .map(({ alert, thresholds }, index) => [
      alert,
      {
        ...Object.fromEntries(
          Object.entries(thresholds).map(([name, { value, unit }], place) => [
            name,
            unit === 'share' ? (11 + 10 * index + place) / 1_000 : value + index + place / 8 + 1,
          ]),
        ),
        for: 61 + index,
        severity: 'info' as const,
      },
    ]),
);

test.skipIf(!hasJsonnet)('each value of `_config` changes the rules and dashboards as a flag does', () => {
  const options = {
    settings: ALL_CHANGED,
    job: 'kvm"s.*',
    runbookUrl: 'https://wiki.example',
    clusterLabel: 'datacenter',
  };
  const plain = configurationFiles(options);
  const { rules, alerts, dashboards } = evaluated({
    virtuneSelector: `job=~${JSON.stringify(options.job)}`,
    clusterLabel: 'datacenter',
    runbookURL: options.runbookUrl,
    alerts: Object.fromEntries(
      Object.entries(ALL_CHANGED).map(([alert, changes]) => [
        alert,
        { ...changes, for: durationOf(changes.for) },
      ]),
    ),
  });
  expect(rules).toEqual(parse(plain.get(PATHS.recordingRules) ?? ''));
  expect(alerts).toEqual(parse(plain.get(PATHS.alertRules) ?? ''));
  expect(dashboards).toEqual(dashboardsWith(ALL_CHANGED, 'datacenter'));
});

test.skipIf(!hasJsonnet)(
  'a site of the mixin has its own uids, tags and titles, and switches alerts off',
  () => {
    const { alerts, dashboards } = evaluated({
      dashboardUidPrefix: 'site-',
      dashboardTags: ['site', 'kvm'],
      dashboardTitlePrefix: 'Site / ',
      alerts: { HostOomKill: { off: true } },
    });
    const names = alerts.groups.flatMap((group) =>
      group.rules.map((rule) => ('alert' in rule ? rule.alert : '')),
    );
    expect(names).not.toContain('HostOomKill');
    expect(names).toHaveLength(alertGroups.flatMap((group) => group.alerts).length - 1);
    for (const page of PAGES) {
      const dashboard = dashboards[`virtune-${page}.json`] as { uid: string; title: string; tags: string[] };
      expect(dashboard).toMatchObject({
        uid: `site-${page}`,
        tags: ['site', 'kvm'],
        links: [{ tags: ['site'] }],
      });
      expect(dashboard.title).toMatch(/^Site \/ \S/);
      expect(JSON.stringify(dashboard)).not.toContain('/d/virtune-');
    }
  },
);

test.skipIf(!hasJsonnet)('the mixin does not evaluate with an alert that could never fire', () => {
  const off = { DiskLatencyHigh: { off: true } };
  expect(() => evaluated({ alerts: off })).toThrow(/HostDisksSlow counts DiskLatencyHigh: switch both off/);
  expect(
    evaluated({ alerts: { ...off, HostDisksSlow: { off: true } } }).alerts.groups.length,
  ).toBeGreaterThan(5);
});

test.skipIf(!hasJsonnet)('the mixin begins with the values of the command, and keeps its overrides', () => {
  const settings: Settings = {
    HostSamplingSlow: { seconds: 9, overrides: [{ match: { class: 'lab' }, seconds: 60, severity: 'info' }] },
    HostOomKill: { off: true },
  };
  const options = { settings, clusterLabel: 'site', job: 'kvm' };
  const own = mixinFiles(BUILT_URL, options);
  for (const [path, text] of own) {
    mkdirSync(join(folder, 'own', dirname(path)), { recursive: true });
    writeFileSync(join(folder, 'own', path), text);
  }
  const plain = parse(configurationFiles(options).get(PATHS.alertRules) ?? '') as RuleFile;
  expect(withDurations(evaluated({}, 'own/mixin').alerts)).toEqual(withDurations(plain));
});
