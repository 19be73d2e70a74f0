import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { VmCpus } from '../../sampler/host/vm-cpus.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A reader of these files below /sys and the control groups. */
function readerOf(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-vm-cpus-'));
  folders.push(folder);
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  for (const [path, content] of Object.entries(files)) write(path, content);
  let nowMs = 0;
  const vmCpus = new VmCpus({
    sysRoot: join(folder, 'sys'),
    cgroupRoot: join(folder, 'cgroup'),
    steadyMs: () => nowMs,
  });
  const read = () => {
    const { isolatedCpus, vmCpus: left } = vmCpus.read();
    return [isolatedCpus?.toString(), left?.toString()];
  };
  return {
    write,
    read,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

const ISOLATED = 'sys/devices/system/cpu/isolated';

test('CPUs that are isolated at boot and by partitions are isolated together', () => {
  expect(readerOf({ [ISOLATED]: '4-7\n', 'cgroup/cpuset.cpus.isolated': '2\n' }).read()[0]).toBe('2,4-7');
  expect(readerOf({ [ISOLATED]: '\n' }).read()[0]).toBe('');
  // A kernel that does not report them, or a file that is not a list.
  expect(readerOf({}).read()[0]).toBeUndefined();
  expect(readerOf({ [ISOLATED]: 'x' }).read()[0]).toBeUndefined();
});

test('what VMs may have is what the group has that libvirt puts them in, whatever kind of control groups', () => {
  for (const file of [
    'cgroup/machine.slice/cpuset.cpus.effective',
    'cgroup/machine/cpuset.cpus.effective',
    'cgroup/cpuset/machine.slice/cpuset.effective_cpus',
    'cgroup/cpuset/machine/cpuset.effective_cpus',
  ])
    expect(readerOf({ [file]: '2-7\n' }).read()[1]).toBe('2-7');
  // A group without the controller, and the group of the container in which virtune runs.
  expect(readerOf({ 'cgroup/machine.slice/cpuset.cpus.effective': '\n' }).read()[1]).toBeUndefined();
  expect(readerOf({ 'cgroup/cpuset.cpus.effective': '0-1' }).read()[1]).toBeUndefined();
});

test('they are read again after a minute', () => {
  const { read, write, pass } = readerOf({ [ISOLATED]: '4' });
  expect(read()[0]).toBe('4');
  write(ISOLATED, '5');
  pass(59_999);
  expect(read()[0]).toBe('4');
  pass(1);
  expect(read()[0]).toBe('5');
});
