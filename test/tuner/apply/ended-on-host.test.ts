import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { applyTransaction } from '../../../tuner/apply/apply.ts';
import { recoverHost } from '../../../tuner/apply/recover.ts';
import { rollbackTransaction } from '../../../tuner/apply/rollback.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { kernelTree } from '../facts/tree.ts';
import { FakeLibvirt, HOSTNAME } from './fake-libvirt.ts';
import { define, options, pages, pin, recovery, takingBack, transaction, UUIDS } from './fixtures.ts';

const CPU = 'sys/devices/system/cpu';
const governorFile = (cpu: number): string => `${CPU}/cpu${cpu}/cpufreq/scaling_governor`;

let remove: (() => void) | undefined;
afterEach(() => remove?.());

/** A host of two CPUs that runs virtune, with a VM. */
function hostOfTwo() {
  const kernel = kernelTree({
    'proc/sys/kernel/random/boot_id': 'first\n',
    [`${CPU}/online`]: '0-1\n',
    [governorFile(0)]: 'powersave\n',
    [governorFile(1)]: 'schedutil\n',
  });
  remove = kernel.remove;
  const root = join(kernel.procRoot, '..');
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0]);
  return {
    libvirt,
    domain,
    local: () => kernel,
    governor: (cpu: number): string => readFileSync(join(root, governorFile(cpu)), 'utf8').trim(),
    takeOffline: (): void => {
      rmSync(join(root, CPU, 'cpu1'), { recursive: true });
      writeFileSync(join(root, CPU, 'online'), '0\n');
    },
    loseFiles: (): void => rmSync(join(root, CPU, 'cpu1'), { recursive: true }),
    reboot: (): void => writeFileSync(join(root, 'proc/sys/kernel/random/boot_id'), 'second\n'),
  };
}

const performance = (cpu: number): Step => ({
  kind: 'kernelFile',
  root: 'sys',
  file: governorFile(cpu).replace('sys/', ''),
  to: 'performance',
});

test('a CPU that went offline has no governor to restore: the rest is rolled back, and the next apply begins', async () => {
  const { libvirt, domain, local, governor, takeOffline } = hostOfTwo();
  const before = domain.definition;
  const steps = [performance(0), performance(1), define(domain, 2048)];
  const { id } = await applyTransaction(transaction([domain], steps), options(libvirt, { local }));
  expect([governor(0), governor(1)]).toEqual(['performance', 'performance']);
  takeOffline();
  expect(await rollbackTransaction(id, takingBack(libvirt, { local }))).toMatchObject({
    kind: 'rolled back',
    remains: [],
    notes: [
      'CPU 1 is offline, so /sys/devices/system/cpu/cpu1/cpufreq/scaling_governor was not restored; once the CPU is online again it may be performance',
    ],
  });
  expect([governor(0), domain.definition]).toEqual(['powersave', before]);
  const next = await applyTransaction(
    transaction([domain], [pin(domain, 1, '4')]),
    options(libvirt, { local }),
  );
  expect(next.kind).toBe('committed');
});

test('an interrupted run is undone although a CPU went offline', async () => {
  const { libvirt, domain, local, governor, takeOffline } = hostOfTwo();
  libvirt.onCall = (name) => {
    if (name === 'domainPinVcpuFlags') libvirt.away = true;
  };
  const steps = [performance(0), performance(1), pin(domain, 0, '2')];
  await applyTransaction(transaction([domain], steps), options(libvirt, { local }));
  libvirt.away = false;
  libvirt.onCall = () => undefined;
  takeOffline();
  const [outcome] = await recoverHost(HOSTNAME, recovery(libvirt, { local }));
  expect(outcome).toMatchObject({ kind: 'undone', remains: [] });
  expect(governor(0)).toBe('powersave');
});

test('a file of a CPU that is online and cannot be read is an error with its path, and no rollback', async () => {
  const { libvirt, domain, local, loseFiles } = hostOfTwo();
  const { id } = await applyTransaction(transaction([domain], [performance(1)]), options(libvirt, { local }));
  loseFiles();
  await expect(rollbackTransaction(id, takingBack(libvirt, { local }))).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringMatching(
      /cpu1\/cpufreq\/scaling_governor cannot be read: ENOENT.*; check that it exists/,
    ),
  });
});

test.each([
  ['of another size', 48],
  ['as it was left', 32],
])(
  'after a reboot a rollback leaves the kernel and a pool that others use alone: one %s',
  async (_, size) => {
    const { libvirt, domain, local, governor, reboot } = hostOfTwo();
    libvirt.add(
      'web02',
      UUIDS[1],
      "<memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking>",
    );
    const before = domain.definition;
    const steps = [performance(0), pages(32), pin(domain, 0, '2'), define(domain, 2048)];
    const { id } = await applyTransaction(transaction([domain], steps), options(libvirt, { local }));
    reboot();
    // Permanent now, and in use.
    libvirt.pages = size;
    libvirt.listed(size);
    writeFileSync(join(local().procRoot, '..', governorFile(0)), 'ondemand\n');
    libvirt.start(domain, false);
    const outcome = await rollbackTransaction(id, takingBack(libvirt, { local }));
    expect(outcome).toMatchObject({ kind: 'rolled back', remains: [] });
    expect(outcome.notes).toContain('the host has rebooted since, which undid the change');
    expect([libvirt.pages, governor(0), domain.definition]).toEqual([size, 'ondemand', before]);
  },
);

test('in the same boot a pool in use still holds up a rollback', async () => {
  const { libvirt, domain, local } = hostOfTwo();
  const { id } = await applyTransaction(transaction([domain], [pages(32)]), options(libvirt, { local }));
  libvirt.pages = 48;
  await expect(rollbackTransaction(id, takingBack(libvirt, { local }))).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
  });
});
