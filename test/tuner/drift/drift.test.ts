import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { parseDriftRecord } from '../../../model/drift-record.ts';
import { type Drift, driftOf, needsAttention } from '../../../tuner/drift/drift.ts';
import { writeDriftRecord } from '../../../tuner/drift/record.ts';
import { driftJson, reportDrift } from '../../../tuner/drift/report.ts';
import { markXml } from '../../../tuner/plan/mark.ts';
import { planDomain } from '../../../tuner/plan/plan.ts';
import { stepsToRestore } from '../../../tuner/watch/steps-to-restore.ts';
import { attributeSetting, state, view, wish, XML } from '../plan/fixtures.ts';

const STEP = { kind: 'emulatorPin', domain: { uuid: 'u', name: 'db01' }, to: '1' } as const;
const live = attributeSetting('color', { live: () => [STEP] });
const boot = attributeSetting('shape');

/** The domain with these attributes in its live XML and in its next definition. */
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
  expect(stepsToRestore(drift("color='blue' shape='round'", BOTH).plan)).toEqual([STEP]);
});

test('a changed definition has drifted, and is not repaired, as a user may have intended the change', () => {
  expect(standings(BOTH, "color='blue'")).toEqual(['definition', 'definition']);
  expect(stepsToRestore(drift("color='blue'", "color='blue'").plan)).toEqual([]);
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

test('what was found is written whole for the exporter, and VMs that were not checked keep what was found before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-drift-'));
  const file = join(folder, 'virtune', 'drift.json');
  const nothing = { drifts: [], hostname: 'kvm1', isWhole: true, atMs: 0 };
  await expect(writeDriftRecord(file, nothing), 'no folder is made of a typing error').rejects.toMatchObject({
    code: 'TUNE_RECORD',
    message: expect.stringMatching(/ENOENT.*check that its folder exists/),
  });
  mkdirSync(join(folder, 'virtune'));
  const drifted = drift("color='blue' shape='round'", BOTH);
  const of = (uuid: string): Drift => {
    const { state } = drifted.plan;
    return { ...drifted, plan: { ...drifted.plan, state: { ...state, domain: { ...state.domain, uuid } } } };
  };
  const read = () => parseDriftRecord(readFileSync(file, 'utf8'));
  await writeDriftRecord(file, { drifts: [of('u1'), of('u2')], hostname: 'kvm1', isWhole: true, atMs: 1 });
  await writeDriftRecord(file, { drifts: [of('u2')], hostname: 'kvm1', isWhole: false, atMs: 2 });
  expect([...read().domains].map(([uuid, { checkedAtMs }]) => [uuid, checkedAtMs])).toEqual([
    ['u1', 1],
    ['u2', 2],
  ]);
  expect(read().domains.get('u1')).toMatchObject({
    isDrifted: true,
    settings: { held: 1, run: 1, waits: 0 },
    violations: { refuse: 0, warn: 0 },
  });
  const part = { hostname: 'kvm1', isWhole: false };
  await writeDriftRecord(file, { ...part, drifts: [], withoutProfile: ['u1'], atMs: 3 });
  await writeDriftRecord(file, { ...part, drifts: [of('u2')], atMs: 4 });
  expect([[...read().domains.keys()], [...(read().withoutProfile ?? [])]]).toEqual([['u2'], [['u1', 3]]]);
  await writeDriftRecord(file, { ...part, drifts: [of('u1')], atMs: 5 });
  expect([[...read().domains.keys()], [...(read().withoutProfile ?? [])]]).toEqual([['u2', 'u1'], []]);
  await writeDriftRecord(file, { drifts: [of('u3')], hostname: 'kvm2', isWhole: false, atMs: 3 });
  expect([...read().domains.keys()]).toEqual(['u3']);
  writeFileSync(file, '{');
  const some = { drifts: [of('u3')], hostname: 'kvm2', isWhole: false, atMs: 4 };
  await expect(writeDriftRecord(file, some)).rejects.toMatchObject({
    code: 'TUNE_RECORD',
    message: expect.stringMatching(/not JSON; run the check without VM names to replace the file/),
  });
  expect(readFileSync(file, 'utf8')).toBe('{');
  await writeDriftRecord(file, { drifts: [], hostname: 'kvm2', isWhole: true, atMs: 4 });
  expect(read().domains.size).toBe(0);
  expect(readdirSync(join(folder, 'virtune'))).toEqual(['drift.json']);
  const inAFile = join(file, 'drift.json');
  await expect(
    writeDriftRecord(inAFile, { drifts: [], hostname: 'kvm2', isWhole: true, atMs: 5 }),
  ).rejects.toMatchObject({ code: 'TUNE_RECORD', message: expect.stringContaining(inAFile) });
});

test('a record replaces no device, pipe, link or folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-drift-'));
  const nothing = { drifts: [], hostname: 'kvm1', isWhole: true, atMs: 0 };
  const file = join(folder, 'real.json');
  const link = join(folder, 'link.json');
  await writeDriftRecord(file, nothing);
  symlinkSync(file, link);
  for (const path of [link, folder]) {
    await expect(writeDriftRecord(path, nothing)).rejects.toMatchObject({
      code: 'TUNE_RECORD',
      message: expect.stringContaining(`${path} is not a regular file`),
    });
  }
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
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
  const file = join(mkdtempSync(join(tmpdir(), 'virtune-drift-')), 'drift.json');
  await writeDriftRecord(file, { drifts: [unsafe], hostname: 'kvm1', isWhole: true, atMs: 0 });
  const { domain } = unsafe.plan.state;
  expect(parseDriftRecord(readFileSync(file, 'utf8')).domains.get(domain.uuid)?.violations).toEqual({
    refuse: 1,
    warn: 0,
  });
});
