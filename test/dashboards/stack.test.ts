import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { alertmanagerExample } from '../../dashboards/alertmanager.ts';
import { DEFAULTS } from '../../dashboards/files.ts';

const FOLDER = 'deploy/compose';
const read = (name: string): unknown => parse(readFileSync(join(FOLDER, name), 'utf8'));
const { services } = read('compose.yaml') as {
  services: Record<string, { volumes?: string[]; build?: { context: string } }>;
};

test('the files that the stack mounts exist', () => {
  const mounted = Object.values(services)
    .flatMap(({ volumes }) => volumes ?? [])
    .map((volume) => volume.split(':')[0] ?? '')
    .filter((path) => path.startsWith('.'));
  expect(mounted.length).toBeGreaterThan(4);
  expect(mounted.filter((path) => !existsSync(join(FOLDER, path)))).toEqual([]);
});

test('Grafana finds the dashboards where its provisioning says they are', () => {
  const mounts = services['grafana']?.volumes ?? [];
  expect(mounts.some((volume) => volume.includes(`grafana/dashboards:${DEFAULTS.grafanaPath}:`))).toBe(true);
});

test('the stack has the rules, and the groups and inhibitions that we ship', () => {
  const { rule_files } = read('prometheus.yml') as { rule_files: string[] };
  const mounts = services['prometheus']?.volumes ?? [];
  expect(mounts.some((volume) => volume.includes(`:${rule_files[0]?.replace('/*.yaml', '')}:`))).toBe(true);
  const { route, inhibit_rules } = read('alertmanager.yml') as {
    route: { group_by: string[] };
    inhibit_rules: unknown;
  };
  expect(route.group_by).toEqual(alertmanagerExample.route.group_by);
  expect(inhibit_rules).toEqual(alertmanagerExample.inhibit_rules);
});
