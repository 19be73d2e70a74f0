import { selectorsOf } from '../promql.ts';
import {
  type Dashboard,
  expanded,
  type Panel,
  RATE_INTERVAL,
  type Target,
  type Variable,
} from './dashboard.ts';

/**
 * The 17 rules of grafana/dashboard-linter (rules.go, June 2026), by their names, stricter in two ways: they apply to
 * panels of every type, and there are no mere warnings. Two rules differ: All of `job` means the listed jobs, since an
 * older exporter's job has series of the same names, and series that are recorded per cluster have neither job nor
 * instance to match.
 */
export const lintRules: Readonly<Record<string, (dashboard: Dashboard) => string[]>> = {
  'template-datasource-rule': ({ templating }) => {
    const sources = templating.list.filter((variable) => variable.type === 'datasource');
    return sources.length === 1 && sources[0]?.name === 'datasource' && sources[0].label === 'Data source'
      ? []
      : ['there is not one data source, named datasource and labelled Data source'];
  },
  'template-job-rule': (dashboard) => template(dashboard, 'job', 'Job', undefined),
  'template-instance-rule': (dashboard) => template(dashboard, 'instance', 'Instance', '.+'),
  'template-label-promql-rule': (dashboard) =>
    queried(dashboard).flatMap(({ name, query }) => {
      const [, called, argument = ''] = /^([a-z_]+)\((.+)\)$/.exec(query) ?? [];
      if (!['label_names', 'label_values', 'metrics', 'query_result'].includes(called ?? ''))
        return [`${name} asks ${query}`];
      return syntaxOf(argument.replace(/, *\w+$/, '')).map((fault) => `${name}: ${fault}`);
    }),
  'template-on-time-change-reload-rule': (dashboard) =>
    queried(dashboard)
      .filter(({ refresh }) => refresh !== 2)
      .map(({ name }) => `${name} is not read again when the time changes`),
  'panel-datasource-rule': (dashboard) =>
    shown(dashboard)
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own template
      .filter(({ datasource }) => datasource?.uid !== '${datasource}')
      .map(({ title }) => `${title} has a separate data source`),
  'panel-title-description-rule': (dashboard) =>
    shown(dashboard)
      .filter(({ title, description }) => !title || !description)
      .map(({ id, title }) => `panel ${id} "${title}" lacks a title or a description`),
  'panel-units-rule': (dashboard) =>
    shown(dashboard)
      .filter((panel) => unitsOf(panel).some((unit) => !UNITS.has(unit)))
      .map((panel) => `${panel.title} has the units ${unitsOf(panel).join(', ') || 'none'}`),
  'panel-no-targets-rule': (dashboard) =>
    shown(dashboard)
      .filter(({ targets }) => (targets ?? []).length === 0)
      .map(({ title }) => `${title} asks nothing`),
  'target-logql-rule': (dashboard) => lokiTargets(dashboard),
  'target-logql-auto-rule': (dashboard) => lokiTargets(dashboard),
  'target-promql-rule': (dashboard) =>
    targets(dashboard).flatMap(([panel, { expr }]) =>
      syntaxOf(expanded(expr)).map((fault) => `${panel.title}: ${fault}`),
    ),
  'target-rate-interval-rule': (dashboard) =>
    selectors(dashboard)
      .filter(([, { call, range }]) => ['rate', 'irate'].includes(call ?? '') && range !== RATE_INTERVAL)
      .map(([panel, { name, range }]) => `${panel.title}: the rate of ${name} is over ${range}`),
  'target-job-rule': (dashboard) => unmatched(dashboard, 'job'),
  'target-instance-rule': (dashboard) => unmatched(dashboard, 'instance'),
  'target-counter-agg-rule': (dashboard) =>
    selectors(dashboard)
      .filter(
        ([, { name, call }]) =>
          name?.endsWith('_total') && !['rate', 'irate', 'increase'].includes(call ?? ''),
      )
      .map(([panel, { name }]) => `${panel.title} shows the counter ${name} bare`),
  'uneditable-dashboard': ({ editable }) => (editable === false ? [] : ['it can be edited']),
};

const UNITS = new Set(
  'none short percent percentunit bytes Bps s ms iops pps cps ops rps dateTimeFromNow string'.split(' '),
);

const queried = ({ templating }: Dashboard): Variable[] =>
  templating.list.filter((variable) => variable.type === 'query');
const shown = ({ panels }: Dashboard): Panel[] => panels.filter((panel) => panel.type !== 'row');
const targets = (dashboard: Dashboard): [Panel, Target][] =>
  shown(dashboard).flatMap((panel) =>
    (panel.targets ?? []).map((target): [Panel, Target] => [panel, target]),
  );
const selectors = (dashboard: Dashboard) =>
  targets(dashboard).flatMap(([panel, { expr }]) =>
    selectorsOf(expanded(expr)).map((selector) => [panel, selector] as const),
  );

function template(dashboard: Dashboard, name: string, label: string, allValue: string | undefined): string[] {
  const variable = dashboard.templating.list.find((each) => each.name === name);
  const wanted = { type: 'query', label, multi: true, allValue };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own template
  const sourced = variable?.datasource?.uid === '${datasource}';
  return [
    ...(sourced ? [] : [`${name} has a separate data source`]),
    ...Object.entries(wanted)
      .filter(([key, value]) => variable?.[key as keyof Variable] !== value)
      .map(([key, value]) => `${name}'s ${key} is not ${String(value)}`),
  ];
}

function unmatched(dashboard: Dashboard, label: 'job' | 'instance'): string[] {
  return selectors(dashboard)
    .filter(([, { name }]) => !isOfCluster(name))
    .filter(
      ([, { matchers }]) =>
        !matchers.some((each) => each.label === label && each.op === '=~' && each.value === `$${label}`),
    )
    .map(([panel, { name }]) => `${panel.title} asks for ${name} of every ${label}`);
}

/** Whether the series is recorded per cluster, without the labels of a host. */
export function isOfCluster(name: string | undefined): boolean {
  return name?.startsWith('cluster:') === true && !name.includes(':topk_');
}

function lokiTargets(dashboard: Dashboard): string[] {
  const loki = targets(dashboard).filter(([, { datasource }]) => datasource?.type === 'loki');
  return loki.map(([panel]) => `${panel.title} asks Loki`);
}

/** Units of the panel, and of columns that have one. */
function unitsOf({ fieldConfig }: Panel): string[] {
  const own = (fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
    properties.filter(({ id }) => id === 'unit').map(({ value }) => String(value)),
  );
  return [fieldConfig?.defaults.unit ?? '', ...own];
}

function syntaxOf(expr: string): string[] {
  try {
    selectorsOf(expr);
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}
