import type { Pressure } from '../../model/host.ts';
import type { CgroupFigures } from '../../model/local.ts';
import { parseNamedNumbers, parsePressure } from '../host/proc.ts';
import { listNames, readProcFile } from '../proc-file.ts';

/** Where a process's groups are, by controller; `''` is cgroup v2's one hierarchy (cgroups(7), /proc/PID/cgroup). */
export function parseCgroups(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    if (match === null) continue;
    for (const controller of (match[1] ?? '').split(',')) found.set(controller, match[2] ?? '');
  }
  return found;
}

/** libvirt puts QEMU's main thread in `emulator` and vCPUs beside it: the VM's group is the one above. */
export function groupOfVm(path: string): string {
  return path.replace(/\/(emulator|vcpu\d+|iothread\d+)$/, '').replace(/\/libvirt$/, '');
}

/** Undefined when the process has no group of its own that can be read. */
export function readCgroup(procRoot: string, cgroupRoot: string, pid: number): CgroupFigures | undefined {
  const groups = parseCgroups(readProcFile(`${procRoot}/${pid}/cgroup`) ?? '');
  const v1Cpu = groups.get('cpu');
  const unified = groups.get('');
  const cpu = v1Cpu === undefined ? undefined : `${cgroupRoot}/cpu${groupOfVm(v1Cpu)}`;
  const v2 = unified === undefined ? undefined : `${cgroupRoot}${groupOfVm(unified)}`;
  const throttling = readThrottling(cpu ?? v2);
  const v1Memory = groups.get('memory');
  const memory =
    v1Memory === undefined
      ? readProcFile(`${v2}/memory.current`)
      : readProcFile(`${cgroupRoot}/memory${groupOfVm(v1Memory)}/memory.usage_in_bytes`);
  const pressure = new Map<string, Pressure>();
  for (const resource of ['cpu', 'memory', 'io']) {
    const text = v2 === undefined ? undefined : readProcFile(`${v2}/${resource}.pressure`);
    if (text !== undefined) pressure.set(resource, parsePressure(text));
  }
  if (throttling === undefined && memory === undefined && pressure.size === 0) return undefined;
  return {
    periods: throttling?.periods,
    throttledPeriods: throttling?.throttledPeriods,
    throttledNs: throttling?.throttledNs,
    memoryBytes: memory === undefined ? undefined : Number(memory),
    pressure,
  };
}

interface Throttling {
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNs: number;
}

/** A quota may be set on the VM, or as libvirt does it on each vCPU: each group counts its own, so all are added. */
function readThrottling(group: string | undefined): Throttling | undefined {
  if (group === undefined) return undefined;
  const inner = [group, `${group}/libvirt`].flatMap((parent) =>
    listNames(parent)
      .filter((name) => /^(emulator|vcpu\d+|iothread\d+)$/.test(name))
      .map((name) => `${parent}/${name}`),
  );
  let told = false;
  let [periods, throttledPeriods, throttledNs] = [0, 0, 0];
  for (const path of [group, ...inner]) {
    const stat = parseNamedNumbers(readProcFile(`${path}/cpu.stat`) ?? '');
    if (!stat.has('nr_periods')) continue;
    told = true;
    periods += stat.get('nr_periods') ?? 0;
    throttledPeriods += stat.get('nr_throttled') ?? 0;
    // v1 counts ns, v2 µs.
    throttledNs += stat.get('throttled_time') ?? (stat.get('throttled_usec') ?? 0) * 1_000;
  }
  return told ? { periods, throttledPeriods, throttledNs } : undefined;
}
