import { expect, test } from 'vitest';
import { builtDashboards } from './built.ts';
import { lintRules } from './lint/rules.ts';

const dashboards = [...builtDashboards()];

test.each(Object.keys(lintRules))('no dashboard violates %s', (name) => {
  const faults = dashboards.flatMap(([page, dashboard]) =>
    (lintRules[name]?.(dashboard) ?? []).map((fault) => `${page}: ${fault}`),
  );
  expect(faults).toEqual([]);
});

test('the rules are the 17 of the linter', () => {
  expect(Object.keys(lintRules)).toHaveLength(17);
});

test('each rule finds its fault', () => {
  const [, good] = dashboards[0] ?? [];
  if (good === undefined) throw new Error('there is no dashboard');
  const panel = good.panels.find((each) => each.type === 'timeseries');
  if (panel === undefined) throw new Error('the first dashboard has no graph');
  const withPanel = (change: object) => ({ ...good, panels: [{ ...panel, ...change }] });
  const asking = (expr: string) => withPanel({ targets: [{ refId: 'A', expr }] });
  const withVariable = (name: string, change: object) => ({
    ...good,
    templating: {
      list: good.templating.list.map((each) => (each.name === name ? { ...each, ...change } : each)),
    },
  });
  const chosen = '{job=~"$job", instance=~"$instance"}';
  const bad = {
    'template-datasource-rule': withVariable('datasource', { label: 'Source' }),
    'template-job-rule': withVariable('job', { allValue: '.*' }),
    'template-instance-rule': withVariable('instance', { multi: false }),
    'template-label-promql-rule': withVariable('job', { query: 'label_values(a{, job)' }),
    'template-on-time-change-reload-rule': withVariable('job', { refresh: 1 }),
    'panel-datasource-rule': withPanel({ datasource: { uid: 'mine' } }),
    'panel-title-description-rule': withPanel({ description: '' }),
    'panel-units-rule': withPanel({ fieldConfig: { defaults: {} } }),
    'panel-no-targets-rule': withPanel({ targets: [] }),
    'target-logql-rule': withPanel({ targets: [{ refId: 'A', expr: 'a', datasource: { type: 'loki' } }] }),
    'target-logql-auto-rule': withPanel({
      targets: [{ refId: 'A', expr: 'a', datasource: { type: 'loki' } }],
    }),
    'target-promql-rule': asking('sum('),
    'target-rate-interval-rule': asking(`rate(a_total${chosen}[5m])`),
    'target-job-rule': asking('a{instance=~"$instance"}'),
    'target-instance-rule': asking('a{job=~"$job"}'),
    'target-counter-agg-rule': asking(`a_total${chosen}`),
    'uneditable-dashboard': { ...good, editable: true },
  };
  for (const [name, dashboard] of Object.entries(bad)) {
    expect(lintRules[name]?.(dashboard), name).not.toEqual([]);
    expect(lintRules[name]?.(good), name).toEqual([]);
  }
});
