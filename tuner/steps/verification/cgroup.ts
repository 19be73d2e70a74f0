import { MEMORY_UNLIMITED_KIB } from '../../../libvirt/constants.ts';
import { groupOfVm, libvirtGroupOfVm, parseCgroups } from '../../../sampler/local/cgroup.ts';
import { listNames, readProcFile } from '../../../sampler/proc-file.ts';
import { TunerError } from '../../errors.ts';
import { quoted } from '../domain-run.ts';
import type { StepDomain, StepParam } from '../step.ts';
import type { StepHost } from '../step-host.ts';
import { findProcess } from './process.ts';

/** One control group of a VM. */
interface Group {
  /** Path in cgroup v1, by controller; undefined if not mounted. */
  v1(controller: string): string | undefined;
  readonly v2: string | undefined;
}

/** The folders of a VM's control groups. */
interface Groups {
  /** systemd's unit, which has the weights: libvirt sets them through systemd. Without systemd the same as `own`. */
  readonly unit: Group;
  /**
   * Where libvirt writes limits of the whole VM: `libvirt` inside the unit (libvirt >= 7.1, util/vircgroup.c,
   * virCgroupGetNested), so that systemd does not overwrite them.
   */
  readonly own: Group;
  /** Groups inside the VM's group, in either version's layout: `emulator`, `vcpu0`. */
  inner(parent: string, pattern: RegExp): string[];
}

async function findGroups(host: StepHost, domain: StepDomain): Promise<Groups | undefined> {
  const process = await findProcess(host, domain);
  if (process === undefined || host.local === undefined) return undefined;
  const { cgroupRoot } = host.local;
  const paths = parseCgroups(readProcFile(`${process.folder}/cgroup`) ?? '');
  const group = (pathOf: (path: string) => string): Group => {
    const folder = (path: string | undefined, mount: string): string | undefined =>
      path === undefined || path === '/' ? undefined : `${mount}${pathOf(path)}`;
    return {
      v1: (controller) => folder(paths.get(controller), `${cgroupRoot}/${controller}`),
      v2: folder(paths.get(''), cgroupRoot),
    };
  };
  return {
    unit: group(groupOfVm),
    own: group(libvirtGroupOfVm),
    inner: (parent, pattern) =>
      [parent, `${parent}/libvirt`].flatMap((folder) =>
        listNames(folder)
          .filter((name) => pattern.test(name))
          .map((name) => `${folder}/${name}`),
      ),
  };
}

/** A file of a control group and its expected content. */
interface Expectation {
  readonly file: string;
  readonly holds: (text: string) => boolean;
  readonly wanted: string;
}

/** Missing files prove nothing; a file with another value fails the check. */
function check(domain: StepDomain, expectations: readonly Expectation[]): string[] {
  return expectations.flatMap(({ file, holds, wanted }) => {
    const text = readProcFile(file)?.trim();
    if (text === undefined) return [];
    if (holds(text)) return [`${file}: ${firstLine(text)}`];
    throw new TunerError(
      'TUNE_READ_BACK',
      `libvirt reports ${wanted} for domain ${quoted(domain)}, but ${file} has ${JSON.stringify(text)}; check whether something else writes to it (for example systemd slice settings)`,
    );
  });
}

/** The value for the whole group: further lines are weights of single devices (kernel, cgroup-v2.rst, io.weight). */
const firstLine = (text: string): string => text.split('\n')[0] ?? '';

const CPU_GROUPS: Readonly<Record<string, RegExp>> = {
  vcpu: /^vcpu\d+$/,
  emulator: /^emulator$/,
  iothread: /^iothread\d+$/,
};

export async function verifyScheduler(
  host: StepHost,
  domain: StepDomain,
  wanted: readonly StepParam[],
): Promise<readonly string[]> {
  const groups = await findGroups(host, domain);
  if (groups === undefined) return [];
  return check(
    domain,
    wanted.flatMap((param) => schedulerFiles(groups, param)),
  );
}

function schedulerFiles(groups: Groups, { field, value }: StepParam): Expectation[] {
  const v1 = groups.unit.v1('cpu');
  const top = v1 ?? groups.unit.v2;
  const own = groups.own.v1('cpu') ?? groups.own.v2;
  if (top === undefined || own === undefined) return [];
  const wanted = `${field} ${value}`;
  const is = (text: string): boolean => text === String(value);
  if (field === 'cpu_shares') {
    return [{ file: `${top}/${v1 === undefined ? 'cpu.weight' : 'cpu.shares'}`, holds: is, wanted }];
  }
  const [, whose = '', what = ''] = /^([a-z]+)_(period|quota)$/.exec(field) ?? [];
  const pattern = CPU_GROUPS[whose];
  const folders = whose === 'global' ? [own] : pattern === undefined ? [] : groups.inner(top, pattern);
  return folders.map((folder) => {
    if (v1 !== undefined) return { file: `${folder}/cpu.cfs_${what}_us`, holds: is, wanted };
    // `QUOTA PERIOD`, in µs (kernel, cgroup-v2.rst).
    const [at, text] = what === 'quota' ? [0, value === '-1' ? 'max' : String(value)] : [1, String(value)];
    return { file: `${folder}/cpu.max`, holds: (line: string) => line.split(' ')[at] === text, wanted };
  });
}

const UNLIMITED_V1_BYTES = 1n << 60n;

const MEMORY_FILES: Readonly<Record<string, { readonly v1: string; readonly v2: string }>> = {
  hard_limit: { v1: 'memory.limit_in_bytes', v2: 'memory.max' },
  soft_limit: { v1: 'memory.soft_limit_in_bytes', v2: 'memory.high' },
  swap_hard_limit: { v1: 'memory.memsw.limit_in_bytes', v2: 'memory.swap.max' },
};

export async function verifyMemoryLimits(
  host: StepHost,
  domain: StepDomain,
  wanted: readonly StepParam[],
): Promise<readonly string[]> {
  const groups = await findGroups(host, domain);
  if (groups === undefined) return [];
  const v1 = groups.own.v1('memory');
  const top = v1 ?? groups.own.v2;
  return check(
    domain,
    wanted.flatMap(({ field, value }) => {
      const names = MEMORY_FILES[field];
      if (names === undefined || top === undefined) return [];
      const kib = BigInt(value);
      const file = `${top}/${v1 === undefined ? names.v2 : names.v1}`;
      return [{ file, holds: (text) => holdsLimit(text, kib), wanted: `${field} ${value} KiB` }];
    }),
  );
}

/** The kernel rounds to pages; v1 writes "no limit" as the largest multiple of a page, v2 as a word. */
function holdsLimit(text: string, kib: bigint): boolean {
  const unlimited = kib >= BigInt(MEMORY_UNLIMITED_KIB);
  if (text === 'max') return unlimited;
  if (!/^\d+$/.test(text)) return false;
  const bytes = BigInt(text);
  return unlimited ? bytes >= UNLIMITED_V1_BYTES : bytes >> 16n === (kib * 1_024n) >> 16n;
}

export async function verifyBlkio(
  host: StepHost,
  domain: StepDomain,
  wanted: readonly StepParam[],
): Promise<readonly string[]> {
  const groups = await findGroups(host, domain);
  const weight = wanted.find(({ field }) => field === 'weight');
  if (groups === undefined || weight === undefined) return [];
  const v1 = groups.unit.v1('blkio');
  const top = v1 ?? groups.unit.v2;
  if (top === undefined) return [];
  // libvirt writes to the BFQ file if that scheduler is in use, else to the other one.
  const names = v1 === undefined ? ['io.bfq.weight', 'io.weight'] : ['blkio.bfq.weight', 'blkio.weight'];
  const file = names.map((name) => `${top}/${name}`).find((path) => readProcFile(path) !== undefined);
  if (file === undefined) return [];
  const holds = (text: string): boolean => firstLine(text).replace(/^default /, '') === String(weight.value);
  return check(domain, [{ file, holds, wanted: `weight ${weight.value}` }]);
}

/** Cells whose memory QEMU's control group allows. */
export async function verifyCells(
  host: StepHost,
  domain: StepDomain,
  holds: (cells: string) => boolean,
  wanted: string,
): Promise<readonly string[]> {
  const groups = await findGroups(host, domain);
  const top = groups?.unit.v1('cpuset') ?? groups?.unit.v2;
  if (groups === undefined || top === undefined) return [];
  return check(
    domain,
    groups.inner(top, /^emulator$/).map((folder) => ({
      file: `${folder}/cpuset.mems`,
      holds,
      wanted: `memory from cells ${wanted}`,
    })),
  );
}
