import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import type { Plan } from '../../../tuner/plan/plan.ts';
import { reportPlan } from '../../../tuner/plan/report.ts';
import { parseAssignments } from '../../../tuner/profile/assignments.ts';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';
import { isHandTuned } from '../../../tuner/profile/pick.ts';
import type { Profile } from '../../../tuner/profile/profile.ts';
import { planOn, readScenario } from './planned.ts';

const library = await ProfileLibrary.open([]);
const GUIDE = `
host:
  reservedCpus: 0,16
assign:
  - { domain: "pg-*", profile: oltp-database }
  - { domain: mysql-shop, profile: oltp-database }
  - { domain: "win-*", profile: windows }
  - { domain: "*", profile: balanced }
`;

/** The example of docs/tuning-a-database-vm.md. */
const page = readFileSync(new URL('../../../docs/tuning-a-database-vm.md', import.meta.url), 'utf8');
const IN_THE_GUIDE = /```yaml\n(host:[^`]*)```/.exec(page)?.[1] ?? '';

const reserved = { hostCpus: CpuSet.parse('0,16') };

/** The plan for the guide's file on the guide's host. */
async function guide(file: string, adopt: boolean): Promise<Plan> {
  const read = await readScenario('numa-split-database');
  const assignments = parseAssignments('assignments.yaml', file);
  const profiles: Record<string, Profile> = {};
  for (const state of read.domains) {
    const name = assignments.profileOf(state);
    const swept = assignments.matchedByCatchAll(state) && isHandTuned(state, read.host) && !adopt;
    if (typeof name === 'string' && !swept) profiles[state.domain.name] = library.get(name);
  }
  return planOn(read, profiles, reserved);
}

test.each([
  ['as it stands in the guide', IN_THE_GUIDE, false],
  ['with "*" for the VM that is pinned by hand, and --adopt', GUIDE, true],
])(
  "the guide's file, %s: databases are packed onto whole cores, so that 27 vCPUs share 12 CPUs and not 4",
  async (_, file, adopt) => {
    const plan = await guide(file, adopt);
    expect(plan.placement.refusals).toEqual([]);
    expect(plan.sharing?.before).toMatchObject({ vcpus: 23 });
    expect(plan.sharing?.after).toMatchObject({ vcpus: 27, idleSiblings: CpuSet.empty });
    expect(plan.sharing?.after.cpus.size).toBe(12);
    expect(plan.sharing?.after.worstRatio).toBeLessThan(3);
    expect(plan.placement.repinned).toEqual(['pg-billing', 'mysql-shop']);
    // They keep the cells that hold their memory.
    const cells = plan.placement.assignments.flatMap(({ guest, cells: of }) =>
      guest === 'pg-billing' || guest === 'mysql-shop' ? [[guest, ...of]] : [],
    );
    expect(cells).toEqual([
      ['pg-billing', 1],
      ['mysql-shop', 0],
    ]);
  },
);

test('"*" does not include a VM that is pinned by hand, and the plan says so', async () => {
  const read = await readScenario('numa-split-database');
  const assignments = parseAssignments('assignments.yaml', GUIDE);
  const swept = read.domains.filter(
    (state) => assignments.matchedByCatchAll(state) && isHandTuned(state, read.host),
  );
  expect(swept.map(({ domain }) => domain.name)).toEqual(['mssql-erp']);
  const plan = await planOn(read, { 'web-01': library.get('balanced') }, { leftAlone: ['mssql-erp'] });
  expect(reportPlan(plan, { all: false, diff: false })).toContain(
    'mssql-erp is left unchanged: its pins were not set by virtune; select it by name, or use --adopt',
  );
});

/** Sixteen cores without SMT, one of them reserved for the host; databases with four vCPUs, and many others. */
async function crowd(
  databases: number,
  { webs = 7, allowedRatio }: { readonly webs?: number; readonly allowedRatio?: number } = {},
): Promise<Plan> {
  const read = await readScenario({
    name: 'crowd',
    description: '',
    host: { sockets: 1, coresPerSocket: 16, threadsPerCore: 1, memoryGiB: 64 },
    vms: [
      ...Array.from({ length: databases }, (_, index) => ({
        name: `db${index}`,
        workload: 'oltp' as const,
        vcpus: 4,
        memoryMiB: 2_048,
        disks: [{ target: 'vda', sizeGiB: 10 }],
      })),
      ...Array.from({ length: webs }, (_, index) => ({
        name: `web${index}`,
        workload: 'web' as const,
        vcpus: 2,
        memoryMiB: 1_024,
        disks: [{ target: 'vda', sizeGiB: 10 }],
      })),
    ],
  });
  const lean = library.get('oltp-database');
  const profile = {
    ...lean,
    knobs: new Map(lean.knobs)
      .set('emulator.cpus', [{ value: 0, why: '', source: '' }])
      .set('iothread.cpus', [{ value: 0, why: '', source: '' }]),
  };
  return planOn(
    read,
    Object.fromEntries(Array.from({ length: databases }, (_, at) => [`db${at}`, profile])),
    { allowedRatio },
  );
}

test('VMs that are not named are shown with their ratio before and after', async () => {
  const plan = await crowd(2);
  expect(plan.placement.refusals).toEqual([]);
  const web = plan.sharing?.vms.find(({ guest }) => guest === 'web0');
  expect(web).toMatchObject({ named: false, vcpus: 2 });
  expect([web?.before?.ratio, web?.after.ratio]).toEqual([
    expect.closeTo(22 / 16, 2),
    expect.closeTo(14 / 8, 2),
  ]);
  const text = reportPlan(plan, { all: false, diff: false });
  expect(text).toMatch(/web0, web1, web2, web3, web4, web5, web6 +no +1\.4:1 on 0-15 +1\.8:1 on 0,9-15/);
  expect(text).not.toContain('warning:');
});

test('above 3:1 the plan warns, above 5:1 it is refused, and --allow-ratio lets it through', async () => {
  const warned = await crowd(3);
  expect(warned.sharing?.after.worstRatio).toBeCloseTo(14 / 4, 5);
  expect(warned.placement.refusals).toEqual([]);
  expect(reportPlan(warned, { all: false, diff: false })).toMatch(
    /warning: web0, .* would share CPUs at up to 3\.5:1/,
  );
  const refused = await crowd(3, { webs: 11 });
  expect(refused.placement).toMatchObject({ kind: 'refused', refusals: [{ code: 'RATIO_LIMIT' }] });
  expect(refused.placement.refusals[0]?.text).toMatch(
    /would share 4 CPUs \(.*\) at 5\.5:1 \(now 2\.1:1\); the limit is 5:1/,
  );
  expect(refused.placement.refusals[0]?.next).toMatch(/--allow-ratio 6/);
  expect((await crowd(3, { webs: 11, allowedRatio: 6 })).placement.refusals).toEqual([]);
});

test('a VM that was as crowded before does not keep others from being tuned', async () => {
  const read = await readScenario({
    name: 'full',
    description: '',
    host: { sockets: 1, coresPerSocket: 4, threadsPerCore: 1, memoryGiB: 64 },
    vms: Array.from({ length: 8 }, (_, index) => ({
      name: `vm${index}`,
      workload: 'web' as const,
      vcpus: 3,
      memoryMiB: 1_024,
      disks: [{ target: 'vda', sizeGiB: 10 }],
    })),
  });
  const dense = library.get('dense');
  const plan = await planOn(read, { vm0: dense }, { hostCpus: CpuSet.empty });
  expect(plan.sharing?.after.worstRatio).toBe(6);
  expect(plan.placement.refusals).toEqual([]);
});
