import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { driftOf, needsAttention } from '../../../tuner/drift/drift.ts';
import { driftJson, reportDrift } from '../../../tuner/drift/report.ts';
import { driftMetrics, writeTextfile } from '../../../tuner/drift/textfile.ts';
import { markXml } from '../../../tuner/plan/mark.ts';
import { planDomain } from '../../../tuner/plan/plan.ts';
import { forgotten } from '../../../tuner/watch/forgotten.ts';
import { parseExposition } from '../../exposition.ts';
import { attributeSetting, state, view, wish, XML } from '../plan/fixtures.ts';

const STEP = { kind: 'emulatorPin', domain: { uuid: 'u', name: 'db01' }, to: '1' } as const;
const live = attributeSetting('color', { live: () => [STEP] });
const boot = attributeSetting('shape');

/** The domain with these attributes in what runs and in what the next boot takes. */
function drift(running: string, next: string) {
  const xml = (said: string): string => XML.replace("placement='static'", said);
  const plan = planDomain({
    state: state({ live: xml(running), inactive: xml(next) }),
    profile: { name: 'oltp-database', version: 'v1' },
    assignment: undefined,
    wishes: [wish(live, 'red'), wish(boot, 'round')],
    judging: { accepted: new Set(), online: CpuSet.parse('0-3') },
    restart: false,
    id: 'T1',
    at: '2026-11-25T22:00:00.000Z',
  });
  return driftOf(plan);
}
const standings = (running: string, next: string): string[] =>
  drift(running, next).rows.map(({ standing }) => standing);

const BOTH = "color='red' shape='round'";

test('a domain that runs and boots as its profile wants has not drifted', () => {
  expect(drift(BOTH, BOTH)).toMatchObject({ count: 0, waiting: 0 });
});

test('what the next boot will apply is pending and not drift', () => {
  expect(standings("color='red'", BOTH)).toEqual(['held', 'waits']);
  expect(drift("color='red'", BOTH)).toMatchObject({ count: 0, waiting: 1 });
});

test('a live setting that differs from its profile has drifted, and is repaired', () => {
  expect(standings("color='blue' shape='round'", BOTH)).toEqual(['run', 'held']);
  expect(forgotten(drift("color='blue' shape='round'", BOTH).plan)).toEqual([STEP]);
});

test('a changed definition has drifted, and is not repaired, as a user may have intended the change', () => {
  expect(standings(BOTH, "color='blue'")).toEqual(['definition', 'definition']);
  expect(forgotten(drift("color='blue'", "color='blue'").plan)).toEqual([]);
});

test('the report and its JSON name what has drifted, where, and what was wanted', () => {
  const drifted = drift("color='blue' shape='round'", BOTH);
  expect(reportDrift([drifted])).toMatch(/color +blue +red +red +running domain/);
  expect(reportDrift([drifted])).not.toContain('shape');
  expect(driftJson([drifted])).toMatchObject({
    format: 1,
    domains: [{ name: 'db01', drifted: 1, rows: [{ now: 'blue', wanted: 'red', standing: 'run' }, {}] }],
  });
});

test("metrics for node_exporter's textfile collector hold whatever a domain's name is", async () => {
  const drifted = drift("color='blue' shape='round'", BOTH);
  const { plan } = drifted;
  const domain = { ...plan.state.domain, name: 'a"b\\c\nd' };
  const text = await driftMetrics(
    [{ ...drifted, plan: { ...plan, state: { ...plan.state, domain } } }],
    5_000,
  );
  const series = parseExposition(text);
  expect(series.find(({ name }) => name === 'virtune_tuning_drift')).toMatchObject({
    labels: { domain: 'a"b\\c\nd' },
    value: 1,
  });
});

test('a textfile is there whole or not at all, and leaves nothing behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-textfile-'));
  await writeTextfile(join(folder, 'virtune.prom'), 'one 1\n');
  await writeTextfile(join(folder, 'virtune.prom'), 'two 2\n');
  expect(readFileSync(join(folder, 'virtune.prom'), 'utf8')).toBe('two 2\n');
  expect(readdirSync(folder)).toEqual(['virtune.prom']);
  await expect(writeTextfile(join(folder, 'no/such/folder.prom'), 'x')).rejects.toThrow('ENOENT');
});

test('a profile that has changed since it was applied is reported', () => {
  const marked = (version: string): boolean => {
    const mark = { profile: 'oltp-database', version, at: '2026-11-25T22:00:00.000Z', id: 'T0' };
    const { plan } = drift(BOTH, BOTH);
    const inactive = view(XML.replace('<memory ', `<metadata>${markXml(mark)}</metadata><memory `));
    return driftOf({ ...plan, state: { ...plan.state, inactive } }).profileChanged;
  };
  expect(marked('v1')).toBe(false);
  expect(marked('v0')).toBe(true);
});

test('a domain that breaks a rule for safe domains needs attention although its profile is in place; advice does not', async () => {
  const { plan } = drift(BOTH, BOTH);
  const broken = (level: 'refuse' | 'warn') =>
    driftOf({
      ...plan,
      violations: [
        { code: 'REALTIME_UNPINNED', level, text: 'vCPU 0 is real-time', next: undefined, created: false },
      ],
    });
  expect(needsAttention(drift(BOTH, BOTH))).toBe(false);
  expect(needsAttention(broken('warn'))).toBe(false);
  const unsafe = broken('refuse');
  expect(needsAttention(unsafe)).toBe(true);
  expect(reportDrift([unsafe])).toMatch(/matches oltp-database \(unsafe\)\n {2}already unsafe: vCPU 0/);
  expect(driftJson([unsafe])).toMatchObject({
    domains: [{ violations: [{ code: 'REALTIME_UNPINNED', level: 'refuse', next: null }] }],
  });
  const series = parseExposition(await driftMetrics([unsafe], 0));
  const counted = series.filter(({ name }) => name === 'virtune_tuning_violations');
  expect(counted.map(({ labels, value }) => [labels['level'], value])).toEqual([
    ['refuse', 1],
    ['warn', 0],
  ]);
});
