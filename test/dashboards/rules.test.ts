import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { alertGroups } from '../../dashboards/rules/alerts/all.ts';
import {
  buildAlertRules,
  buildRecordingRules,
  LONGEST_SCRAPE_INTERVAL_SECONDS,
} from '../../dashboards/rules/build.ts';
import { durationOf } from '../../dashboards/rules/duration.ts';
import { EVALUATED, recordingRules } from '../../dashboards/rules/recording.ts';
import { regexFault } from '../../dashboards/rules/regex.ts';
import { RENAMED_ALERTS } from '../../dashboards/rules/renamed.ts';
import { settingsSchema } from '../../dashboards/rules/settings-schema.ts';
import { withThresholdTable } from '../../dashboards/threshold-table.ts';
import { labelsBySeries, subjectLabels } from '../../model/catalogue/labels.ts';
import type { SeriesName } from '../../model/catalogue/names.ts';
import { parseSeconds } from '../../model/duration.ts';
import { parseYaml } from '../../model/yaml.ts';
import { alertCases } from './alert-cases/all.ts';
import { labelsOf } from './labels.ts';
import { bothSidesOf, selectorsOf } from './promql.ts';
import { checkRules, hasPromtool } from './promtool.ts';

const rules = alertGroups.flatMap(({ alerts }) => alerts);
const built = buildAlertRules().groups.flatMap((group) => group.rules);
const alertsBuilt = built.filter((rule) => 'alert' in rule);
const recorded = buildRecordingRules().groups.flatMap((group) => group.rules);
/** Prometheus itself writes ALERTS. */
const known = new Set([
  ...labelsBySeries.keys(),
  ...recordingRules.map(({ record }) => record as string),
  'ALERTS',
]);

/** The suffix of the condition of each alert on a host or a VM. */
const OF_MAINTENANCE = ' unless on (cluster, job, instance) instance:virtune_host_maintenance:last';

test('rules name only what is exported or recorded', () => {
  const unknown = [...built, ...recorded].flatMap(({ expr }) =>
    selectorsOf(expr)
      .map(({ name }) => name)
      .filter((name) => name === undefined || !known.has(name)),
  );
  expect(unknown).toEqual([]);
  // A name that nobody exports does not compile.
  // @ts-expect-error
  const wrong: SeriesName = 'libvirt_domain_no_such_metric';
  expect(labelsBySeries.has(wrong)).toBe(false);
});

test('the series that a recorded series depends on are recorded before it', () => {
  // A rule reads the time of the previous evaluation.
  const before = new Set<string>([...labelsBySeries.keys(), EVALUATED]);
  for (const rule of recorded) {
    if (!('record' in rule)) throw new Error('an alert among the recorded series');
    // When a rule reads itself, it gets the value of the previous evaluation.
    before.add(rule.record);
    expect(
      selectorsOf(rule.expr).filter(({ name }) => !before.has(name ?? '')),
      rule.record,
    ).toEqual([]);
  }
});

test('queries in annotations are checked in the same way, and are of the host in its cluster and job', () => {
  const texts = alertsBuilt.flatMap(({ annotations }) => Object.values(annotations)).join('\n');
  const asked = [
    ...texts.matchAll(/printf `([^`]+)` \$labels\.cluster \$labels\.job \$labels\.instance \| query/g),
  ].map((match) => (match[1] ?? '').replaceAll('%q', '"x"'));
  expect(asked.length).toBeGreaterThan(3);
  expect(asked).toHaveLength(texts.split('| query').length - 1);
  const selectors = asked.flatMap(selectorsOf);
  expect(selectors.filter(({ name }) => !known.has(name ?? ''))).toEqual([]);
  for (const { matchers } of selectors)
    expect(matchers.map(({ label }) => label)).toEqual(
      expect.arrayContaining(['cluster', 'job', 'instance']),
    );
});

test('every series that other exporters may have too is selected by the job of virtune', () => {
  const others = buildAlertRules({ job: 'ours' }).groups.flatMap((group) => group.rules);
  const recordings = buildRecordingRules({ job: 'ours' }).groups.flatMap((group) => group.rules);
  const unmatched = [...others, ...recordings]
    .flatMap(({ expr }) => selectorsOf(expr))
    .filter(({ name }) => name !== 'ALERTS' && !name?.includes(':'))
    .filter(
      ({ matchers }) =>
        !matchers.some(({ label, op, value }) => label === 'job' && op === '=~' && value === 'ours'),
    );
  expect(unmatched).toEqual([]);
});

test('what joins two sides names the cluster, the job and the instance', () => {
  const joins = [...built, ...recorded].flatMap(({ expr }) =>
    [...expr.matchAll(/\b(?:on|by) \(([^)]*)\)/g)].map(([, labels = '']) => labels.split(', ')),
  );
  expect(joins.length).toBeGreaterThan(50);
  const lacking = joins.filter(
    (labels) => labels[0] !== 'cluster' || (labels.length > 1 && labels[1] !== 'job'),
  );
  // Whole clusters, their VMs by state or by UUID on any host, their pools, and series without labels.
  const whole = [['cluster'], ['cluster', 'state_desc'], ['cluster', 'pool'], ['cluster', 'uuid'], ['']].map(
    String,
  );
  expect(lacking.filter((labels) => !whole.includes(String(labels)))).toEqual([]);
});

test('an alert of a host or a VM does not fire in maintenance', () => {
  for (const rule of rules) {
    const expr = alertsBuilt.find(({ alert }) => alert === rule.alert)?.expr ?? '';
    const isSpared = expr.endsWith(OF_MAINTENANCE);
    expect([rule.alert, isSpared]).toEqual([rule.alert, ['vm', 'host'].includes(rule.subject)]);
  }
});

test('each alert is named once, and has a summary, a severity and a runbook', () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, annotations, labels } of alertsBuilt) {
    expect(annotations['summary'], alert).toMatch(/^[A-Z{].*\.$/);
    expect(annotations['description'], alert).toMatch(/^[A-Zv{].*(\.|\{\{ end \}\})$/);
    expect(annotations['runbook_url'], alert).toMatch(new RegExp(`/${alert}\\.md$`));
    const isWatchdog = alert === 'VirtuneWatchdog';
    expect(labels, alert).toMatchObject(
      isWatchdog
        ? { severity: 'none' }
        : { severity: expect.stringMatching(/^(critical|warning|info)$/), component: expect.any(String) },
    );
  }
});

test('each threshold has a source, and stands in the expression', () => {
  for (const rule of rules) {
    for (const [name, { value, unit, from }] of Object.entries(rule.thresholds)) {
      expect(from, `${rule.alert} ${name}`).toMatch(/\S{3}/);
      const changedTo = unit === 'share' ? '0.7654321' : '7654321';
      const other = parseYaml('t', `${rule.alert}: { ${name}: ${changedTo} }`, settingsSchema());
      const [changed] = buildAlertRules({ settings: other })
        .groups.flatMap((group) => group.rules)
        .filter((each) => 'alert' in each && each.alert === rule.alert);
      expect(changed?.expr, `${rule.alert} ${name}, ${value}`).toContain(changedTo);
    }
  }
});

test('the guide has the thresholds that the rules have; if not, run npm run dashboards', () => {
  const guide = readFileSync('docs/alerting-on-overcommit.md', 'utf8');
  expect(withThresholdTable(guide)).toBe(guide);
});

test('the examples of changed thresholds in the guide are accepted', () => {
  const guide = readFileSync('docs/alerting-on-overcommit.md', 'utf8');
  const examples = [...guide.matchAll(/```yaml\n([\s\S]+?)```/g)].map(([, text = '']) => text);
  const ofThresholds = examples.filter((text) => !text.startsWith('scrape_configs'));
  expect(ofThresholds).toHaveLength(2);
  for (const example of ofThresholds) {
    const settings = parseYaml('thresholds.yaml', example, settingsSchema());
    expect(Object.keys(settings).length).toBeGreaterThan(1);
    expect(buildAlertRules({ settings }).groups.length).toBeGreaterThan(2);
  }
});

test('every alert of a host takes other thresholds for hosts with any label: some series of it has that label', () => {
  const overrides = [{ match: { class: 'desktops' } }];
  for (const { alert } of rules.filter(({ subject }) => ['vm', 'host'].includes(subject))) {
    const variants = buildAlertRules({ settings: { [alert]: { overrides } } })
      .groups.flatMap((group) => group.rules)
      .filter((each) => 'alert' in each && each.alert === alert);
    expect(variants, alert).toHaveLength(2);
    // Series recorded per pool have only the labels of the pool.
    const chosen = variants.map(({ expr }) =>
      selectorsOf(expr).filter(
        ({ name, matchers }) =>
          matchers.some(({ label }) => label === 'class') && name?.startsWith('pool:') !== true,
      ),
    );
    expect(
      chosen.every((selectors) => selectors.length > 0),
      alert,
    ).toBe(true);
    expect(
      variants.map(({ expr }) => /class(=~|!~)"desktops"/.exec(expr)?.[1]),
      alert,
    ).toEqual(['=~', '!~']);
    expect(
      variants.some(({ expr }) => /pool:[^{ ]+\{class/.test(expr)),
      alert,
    ).toBe(false);
  }
});

test('each alert fires in a case that begins and ends without notifications, but for the watchdog', () => {
  for (const { alert } of rules.filter((each) => each.alert !== 'VirtuneWatchdog')) {
    const stories = alertCases.filter((each) => each.alert === alert).map(({ at }) => Object.values(at));
    const whole = stories.filter(
      (story) =>
        story[0]?.length === 0 && story.at(-1)?.length === 0 && story.some((firing) => firing.length > 0),
    );
    expect(whole.length, alert).toBeGreaterThan(0);
  }
});

test('each alert has a runbook, and each runbook an alert', () => {
  const runbooks = readdirSync('docs/runbooks').filter((name) => name !== 'README.md');
  expect(runbooks.sort()).toEqual(rules.map(({ alert }) => `${alert}.md`).sort());
});

test('a site changes what it names and nothing else', () => {
  const settings = parseYaml(
    'thresholds.yaml',
    'HostVcpuOvercommitHigh: { ratio: 8, for: 2h, severity: warning }\nSnapshotTooOld: { off: true }\n',
    settingsSchema(),
  );
  const changed = buildAlertRules({ settings: settings }).groups.flatMap((group) => group.rules);
  expect(changed).toHaveLength(built.length - 1);
  const other = (name: string) => changed.find((rule) => 'alert' in rule && rule.alert === name);
  expect(other('SnapshotTooOld')).toBeUndefined();
  expect(other('HostVcpuOvercommitHigh')).toMatchObject({
    expr: expect.stringContaining(
      'libvirt_host_vcpu_overcommit_ratio{job=~"virtune.*", state="running"} > 8)',
    ),
    for: '2h',
    labels: { severity: 'warning' },
  });
  expect(other('DomainCpuStealHigh')).toEqual(
    alertsBuilt.find(({ alert }) => alert === 'DomainCpuStealHigh'),
  );
});

const RATIO = 'HostVcpuOvercommitHigh';
const inOverride = (match: string, changes = 'ratio: 8'): string =>
  `${RATIO}: { overrides: [{ match: { ${match} }, ${changes} }] }`;

test.each([
  ['NoSuchAlert: { ratio: 1 }', 't.yaml:1: unknown alert "NoSuchAlert"; docs/alerting-on-overcommit.md'],
  ['- a', 't.yaml:1: expected alerts by name, such as GuestBallooned: { off: true }, got ["a"]'],
  [`${RATIO}:`, `t.yaml:1: ${RATIO}: expected settings (ratio, for, severity, off, overrides), such as`],
  [
    `${RATIO}: { ration: 1 }`,
    `t.yaml:1: ${RATIO}: ${RATIO} has no setting "ration" here; it has ratio, for, severity, off, overrides`,
  ],
  [`${RATIO}: { for: soon }`, '15m'],
  [
    `${RATIO}:\n  ratio: -2`,
    `t.yaml:2: ${RATIO}.ratio: expected a ratio above 0 (1.5 is 150 %), got -2; to switch an alert off: off: true`,
  ],
  [`${RATIO}: { ratio: high }`, `${RATIO}.ratio: expected a ratio above 0 (1.5 is 150 %), got "high"`],
  [`${RATIO}: { ratio: .inf }`, 'got Infinity'],
  [`${RATIO}: { severity: page }`, 'severity: expected critical, warning or info, got "page"'],
  [`${RATIO}: { off: 1 }`, 'off: expected true or false, got 1'],
  [
    'HostCpuSaturated: { busy: 95 }',
    'HostCpuSaturated.busy: expected a share above 0 and below 1 (0.05 is 5 %), got 95',
  ],
  ['HostMemoryHeadroomLow: { available: 0 }', 'above 0 and below 1 (0.05 is 5 %), got 0'],
  ['SnapshotTooOld: { age: 7d }', 'SnapshotTooOld.age: expected a number of seconds above 0, got "7d"'],
  ['NicDrops: { drops: -1 }', 'NicDrops.drops: expected a number per second, 0 or more, got -1'],
  ['HostDisksSlow: { disks: 0 }', 'HostDisksSlow.disks: expected a number above 0, got 0'],
  [`${RATIO}: { overrides: { ratio: 8 } }`, 'overrides: expected a list of overrides, got {"ratio":8}'],
  [`${RATIO}: { overrides: [{ ratio: 8 }] }`, 'overrides.0.match: expected one label and a regular'],
  [inOverride('instance: "("'), 'match.instance: "(" is not a valid regular expression: missing closing )'],
  [inOverride('instance: "(?=a)"'), '`(?=`; Prometheus has RE2 syntax, without lookaround'],
  [inOverride('instance: ""'), 'it is empty, which matches only series without this label'],
  [inOverride('class: 5'), 'match.class: expected a regular expression in quotes, got 5'],
  [inOverride('"a b": x'), 'match.a b: a label name has letters, digits and _ only'],
  [inOverride('instance: x, class: y'), 'match takes one label, got instance and class; give these targets'],
  [
    inOverride('instance: x', 'ration: 1'),
    'no setting "ration" here; it has match, ratio, for, severity, off',
  ],
  [inOverride('domain: x'), `match.domain: ${RATIO} is about hosts: its series have no label domain`],
  [inOverride('state: x'), 'no label state to match; use instance, cluster or another label'],
  [inOverride('severity: x'), 'no label severity to match'],
  [inOverride('__name__: up'), 'no label __name__ to match'],
  [
    'DomainCpuStealHigh: { overrides: [{ match: { vcpu: "0" }, steal: 0.2 }] }',
    'is about VMs: its series have no label vcpu to match; use instance, cluster, domain or another',
  ],
  ...['instance', 'class'].map((label) => [
    `FleetCannotTolerateHostLossCpu: { overrides: [{ match: { ${label}: x }, ratio: 8 }] }`,
    `match.${label}: FleetCannotTolerateHostLossCpu is about clusters: its series have only the label cluster`,
  ]),
  [
    'ExporterAbsent: { overrides: [{ match: { cluster: x }, for: 1h }] }',
    'ExporterAbsent is not about hosts or VMs, so it has no overrides',
  ],
  [
    'DiskLatencyHigh: { off: true }',
    't.yaml:1: DiskLatencyHigh.off: HostDisksSlow counts DiskLatencyHigh and would never fire without it; set severity: info',
  ],
  [inOverride('instance: x', 'ratio: 5'), `overrides.0: it changes nothing: ${RATIO} has these values`],
  [inOverride('instance: x', 'for: 60m, severity: info, off: false'), 'overrides.0: it changes nothing'],
  [
    `${RATIO}: { off: true, overrides: [{ match: { instance: x }, ratio: 8 }] }`,
    `overrides.0: it changes nothing: ${RATIO} is off; add off: false`,
  ],
  [
    `${RATIO}: { overrides: [{ match: { instance: x }, ratio: 8 }, { match: { instance: x }, ratio: 9 }] }`,
    'overrides.1: it never applies: overrides.0 matches the same',
  ],
] as [string, string][])('a site gets an error that says what is wrong with %s', (text, said) => {
  expect(() => parseYaml('t.yaml', text, settingsSchema())).toThrow(said);
});

test.each([
  [inOverride('class: "(?i)desktops|lab"')],
  [inOverride('datacenter: a')],
  ['NicDrops: { drops: 0, overrides: [{ match: { target_device: "vnet.*" }, off: true }] }'],
  ['FleetCannotTolerateHostLossCpu: { overrides: [{ match: { cluster: a }, ratio: 8 }] }'],
  ['FleetCannotTolerateHostLossCpu: { overrides: [{ match: { datacenter: a }, ratio: 8 }] }'],
  ['DiskLatencyHigh: { off: true }\nHostDisksSlow: { off: true }'],
  // An exception to a later override.
  [`${RATIO}: { overrides: [{ match: { instance: lab1 } }, { match: { instance: "lab.*" }, off: true }] }`],
  [`${RATIO}: { off: true, overrides: [{ match: { instance: x }, off: false }] }`],
])('a site may write %s', (text) => {
  expect(Object.keys(parseYaml('t.yaml', text, settingsSchema('datacenter'))).length).toBeGreaterThan(0);
});

test('the labels that an override may match beside those of host and VM are in all selectors of the alert', () => {
  const ofHost = ['job', 'instance', 'cluster'];
  const ofRule = new Map(rules.map((rule) => [rule.alert, rule]));
  for (const { alert, expr } of alertsBuilt) {
    const rule = ofRule.get(alert);
    if (rule?.subject !== 'vm' && rule?.subject !== 'host') continue;
    const [condition = ''] = expr.split(OF_MAINTENANCE);
    const labelled = selectorsOf(condition)
      .filter(({ name = '' }) => name !== 'ALERTS')
      .map(({ name = '', matchers }) => {
        const fixed = matchers.map(({ label }) => label);
        return [...(labelsOf(name) ?? [])].filter((label) => !fixed.includes(label));
      });
    const common = labelled.flat().filter((label) => labelled.every((labels) => labels.includes(label)));
    const own = rule.subject === 'vm' ? [...ofHost, 'domain'] : ofHost;
    const further = new Set(common.filter((label) => !own.includes(label) && subjectLabels.has(label)));
    // I/O errors that libvirt reports as events have no disk.
    if (alert === 'DiskErrors') further.add('target_device');
    // Sizes belong to this alert alone, not to VMs or devices.
    if (alert === 'HugepagesExhausted') further.add('size');
    expect([alert, [...(rule.labels ?? [])].sort()]).toEqual([alert, [...further].sort()]);
  }
});

const PATTERNS = [
  ...[
    'virtune.*',
    'kvm"s',
    '(?i)DB-.*',
    'a{1000}',
    '[[:alpha:]]+',
    String.raw`\p{Greek}`,
    String.raw`\Qa.b\E`,
  ],
  ...[
    'a{{b',
    'a|',
    'x{,5}',
    '(',
    ')(',
    '(?=x)',
    '(?!x)',
    '(?<=x)y',
    String.raw`(a)\1`,
    'a{1001}',
    'a**',
    '[z-a]',
  ],
  ...[String.raw`\u0041`, String.raw`\Z`, '*', '?', 'a++'],
];

test.skipIf(!hasPromtool)('a regular expression is accepted if, and only if, Prometheus accepts it', () => {
  const isRead = (pattern: string) =>
    checkRules([{ name: 'a', rules: [{ record: 'a', expr: `up{job=~${JSON.stringify(pattern)}}` }] }]).passed;
  // Prometheus wraps it in parentheses, which makes this one valid.
  const read = PATTERNS.filter((pattern) => pattern !== ')(' && isRead(pattern));
  expect(PATTERNS.filter((pattern) => regexFault(pattern) === undefined)).toEqual(read);
  expect(read).toHaveLength(10);
});

test.skipIf(!hasPromtool)('promtool has no complaint about rules with overrides', () => {
  const overrides = [
    { match: { instance: 'lab{{1}.*' }, for: 60 },
    { match: { class: 'desktops' }, severity: 'info' as const },
  ];
  const settings = Object.fromEntries(
    rules
      .filter(({ subject }) => ['vm', 'host'].includes(subject))
      .map(({ alert }) => [alert, { overrides }]),
  );
  const groups = buildAlertRules({ settings }).groups;
  const { passed, output } = checkRules(groups);
  expect(passed, output).toBe(true);
  const labels = groups.flatMap((group) =>
    group.rules.flatMap((rule) => ('labels' in rule ? [rule.labels] : [])),
  );
  expect(labels.filter(({ override }) => override === 'class=~"desktops"')).toHaveLength(
    Object.keys(settings).length,
  );
});

test('an alert that counts another one says so', () => {
  const counted = rules.filter((rule) => {
    const expr = alertsBuilt.find(({ alert }) => alert === rule.alert)?.expr ?? '';
    return selectorsOf(
      expr.replaceAll(/unless on \([^)]*\) (\(?)ALERTS\{[^}]*\}/g, 'unless $1vector(0)'),
    ).some(({ name }) => name === 'ALERTS');
  });
  expect(counted.map(({ alert, dependsOn }) => [alert, dependsOn])).toEqual([
    ['HostDisksSlow', ['DiskLatencyHigh']],
  ]);
});

test('groups can be left out, and the job has the name that the site uses', () => {
  const some = buildAlertRules({ groups: ['virtune'], job: 'kvm"s' });
  expect(some.groups.map(({ name }) => name)).toEqual(['virtune-virtune']);
  expect(some.groups[0]?.rules[0]?.expr).toContain('(up{job=~"kvm\\"s"} == 0 or ');
});

test('time can be compressed, in ranges and in how long an alert must hold', () => {
  const fast = buildAlertRules({ faster: 60 }).groups.flatMap((group) => group.rules);
  const slow = buildRecordingRules({ faster: 60 }).groups.flatMap((group) => group.rules);
  expect(fast.find((rule) => 'alert' in rule && rule.alert === 'HostCpuContentionHigh')).toMatchObject({
    for: '15s',
  });
  expect(slow[0]?.expr).toContain('[5s]');
  expect(fast.some(({ expr }) => /\[\d+[mhd]\]/.test(expr.replace('[6m]', '')))).toBe(false);
});

test('rules are evaluated no more often than virtune is scraped', () => {
  const intervals = (scrapeInterval?: string) => [
    buildRecordingRules({ scrapeInterval }).groups[0]?.interval,
    buildAlertRules({ scrapeInterval }).groups[0]?.interval,
  ];
  expect(intervals()).toEqual(['30s', '1m']);
  expect(intervals('15s')).toEqual(['30s', '1m']);
  expect(intervals('1m')).toEqual(['1m', '1m']);
  expect(intervals(`${LONGEST_SCRAPE_INTERVAL_SECONDS}s`)).toEqual(['75s', '75s']);
});

test('at the longest scrape interval four samples are in every rate', () => {
  const ranges = [...built, ...recorded].flatMap(({ expr }) =>
    selectorsOf(expr)
      .filter(({ call }) => call === 'rate')
      .map(({ range }) => parseSeconds(range ?? '')),
  );
  expect(ranges.length).toBeGreaterThan(10);
  expect(Math.min(...ranges)).toBeGreaterThanOrEqual(4 * LONGEST_SCRAPE_INTERVAL_SECONDS);
});

test('durations are written in the largest unit that is whole', () => {
  expect([durationOf(5_400), durationOf(7_200), durationOf(86_400), durationOf(0)]).toEqual([
    '90m',
    '2h',
    '1d',
    '0s',
  ]);
});

test('an alert on harmful overcommit needs both: the overcommit ratio and contention', () => {
  const both = ['HostCpuContentionHigh', 'HostMemoryOvercommitCritical'];
  const harmful = alertsBuilt.filter(({ alert }) => both.includes(alert));
  expect(harmful.map(({ alert }) => alert)).toEqual(both);
  for (const { alert, expr } of harmful) {
    const [condition = ''] = expr.split(OF_MAINTENANCE);
    const sides = bothSidesOf(condition.slice(1, -1));
    const ofRatio = sides.map((side) =>
      selectorsOf(side).some(({ name }) => name?.endsWith('_overcommit_ratio') === true),
    );
    expect(ofRatio.toSorted(), alert).toEqual([false, true]);
    expect(condition.startsWith('(') && condition.endsWith(')'), alert).toBe(true);
  }
});

test('every renamed alert is in the changelog, and its new name exists', () => {
  const names = alertsBuilt.map(({ alert }) => alert);
  const rows = readFileSync('CHANGELOG.md', 'utf8').matchAll(/^ *\| `(\w+)` +\| `(\w+)` +\|$/gm);
  expect(Array.from(rows, ([, from, to]) => [from, to])).toEqual([...RENAMED_ALERTS]);
  for (const [from, to] of RENAMED_ALERTS) {
    expect(names).not.toContain(from);
    expect(names).toContain(to);
  }
});
