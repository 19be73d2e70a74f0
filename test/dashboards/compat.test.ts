import { expect, test } from 'vitest';
import { recordingRules } from '../../dashboards/rules/recording.ts';
import { type CompatName, compatGroups } from '../../model/catalogue/compat.ts';
import type { Group } from '../../model/catalogue/metric.ts';
import { findScenario } from '../../simulator/demo.ts';
import { withVmCount } from '../../simulator/scenario.ts';
import { readRunbooks } from '../docs/runbooks.ts';
import { sampleText } from '../exporter/sample-text.ts';
import { parseExposition } from '../exposition.ts';
import { builtDashboards } from './built.ts';
import { ruleTestOfQueries } from './page-queries.ts';
import { hasPromtool, testRules } from './promtool.ts';
import { sampleOf } from './sample-of.ts';

/** A host that exports only virtune's own names. */
const PLAIN = 'plain';
const WORDS = Object.keys(compatGroups) as CompatName[];

/** The same sample as a host for each word of `--compat`, and one without; host and cluster have the same name. */
async function hosts(): Promise<Record<string, string>> {
  const sample = await sampleOf(withVmCount(findScenario('calm'), 3));
  const of = (host: string, more: readonly Group[]): [string, string][] =>
    parseExposition(sampleText(sample, 'text', undefined, more))
      .filter(({ value }) => Number.isFinite(value))
      .map(({ name, labels, value }) => {
        const all = Object.entries({ job: 'virtune', cluster: host, instance: host, ...labels });
        const series = `${name}{${all.map(([label, text]) => `${label}=${JSON.stringify(text)}`).join(', ')}}`;
        return [series, `${value}+${/_(total|bucket|count|sum)$/.test(name) ? 60 : 0}x20`];
      });
  return Object.fromEntries([
    ...of(PLAIN, []),
    ...WORDS.flatMap((word) => of(word, [compatGroups[word]])),
    ...[PLAIN, ...WORDS].map((host) => [
      `up{job="virtune", cluster="${host}", instance="${host}"}`,
      '1+0x20',
    ]),
  ]);
}

const orNone = (vector: string): string => `(${vector} or vector(0))`;
const CHOICES = { job: '(virtune)', domain: '.+' };

test.skipIf(!hasPromtool).each(WORDS)(
  'rules, pages and runbooks find as much of a host with --compat %s as of one without',
  async (word) => {
    const zero = (expr: string) => ({ expr, choices: CHOICES, samples: [{ labels: '{}', value: 0 }] });
    const recorded = recordingRules.flatMap(({ record }) => {
      const [plain, other] = [PLAIN, word].map((host) => `${record}{cluster="${host}"}`);
      const difference = `(${other} - ignoring (cluster, instance) ${plain})`;
      return [
        zero(`${orNone(`count(${plain})`)} - ${orNone(`count(${difference})`)}`),
        zero(`${orNone(`count(${other})`)} - ${orNone(`count(${difference})`)}`),
        zero(orNone(`max(abs(${difference})) > 1e-6`)),
      ];
    });
    const alike = (expr: string, at: (text: string, host: string) => string) =>
      zero(`${orNone(`count(${at(expr, PLAIN)})`)} - ${orNone(`count(${at(expr, word)})`)}`);
    const asked = [...builtDashboards().values()].flatMap(({ panels }) =>
      panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    );
    const onPages = asked.map((expr) =>
      alike(expr, (text, host) => text.replaceAll(/\$(cluster|instance)\b/g, host)),
    );
    const inRunbooks = readRunbooks()
      .flatMap(({ queries }) => queries)
      .map(({ text: query }) =>
        alike(query, (text, host) =>
          text
            .replaceAll(/="(HOST|CLUSTER)"/g, `="${host}"`)
            .replaceAll(/="(VM|POOL|CELL|vda|vnet0)"/g, '=~".+"'),
        ),
      );
    expect(onPages.length + inRunbooks.length).toBeGreaterThan(200);
    const { passed, output } = testRules([
      ruleTestOfQueries(await hosts(), [...recorded, ...onPages, ...inRunbooks]),
    ]);
    expect(passed, output.slice(0, 5_000)).toBe(true);
  },
  120_000,
);
