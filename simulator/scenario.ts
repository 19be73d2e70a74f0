import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { VirtuneError } from '../model/virtune-error.ts';
import { WORKLOADS } from './workload.ts';

const disk = z.strictObject({
  /** `vda` is virtio, `sda` SATA. */
  target: z.string().regex(/^[a-z]{2,3}[a-z]*$/),
  sizeGiB: z.number().positive().max(1_048_576),
  format: z.enum(['raw', 'qcow2']).default('qcow2'),
  cache: z.enum(['none', 'writeback', 'writethrough', 'directsync', 'unsafe']).optional(),
  io: z.enum(['native', 'threads', 'io_uring']).optional(),
  discard: z.enum(['unmap', 'ignore']).optional(),
  ioThread: z.int().positive().optional(),
  /** Lengths of its latency windows, seconds; only if the libvirt release supports them. */
  windowsSeconds: z.array(z.int().positive()).max(16).optional(),
  /** Where the bins of its latency histograms start, ns. */
  latencyBinsNs: z.array(z.int().min(0)).min(1).max(100).optional(),
  /** Backing images below the top one, as left by external snapshots. */
  backingImages: z.int().min(0).max(200).default(0),
});

const vmFields = z.strictObject({
  name: z.string().min(1).max(255),
  workload: z.enum(WORKLOADS),
  /** Multiplies its demand, in addition to the load of the host. */
  load: z.number().positive().default(1),
  vcpus: z.int().min(1).max(512),
  memoryMiB: z.int().min(16),
  state: z.enum(['running', 'shutoff', 'paused']).default('running'),
  disks: z.array(disk).default([]),
  nics: z.int().min(0).max(64).default(1),
  nicModel: z.enum(['virtio', 'e1000e', 'rtl8139']).default('virtio'),
  ioThreads: z.int().min(0).max(64).default(0),
  /** CPU list for each vCPU. */
  pins: z.array(z.string()).optional(),
  /** Maximum CPUs that each of its vCPUs may use. */
  vcpuQuota: z.number().positive().max(1).optional(),
  numaNode: z.int().min(0).optional(),
  hugepagesKiB: z.int().positive().optional(),
  balloonPeriodSeconds: z.int().min(0).default(5),
  /** Memory used by its processes, as a fraction of the maximum memory; above 0.95 they need more than there is. */
  memoryUse: z.number().min(0).max(2).default(0.66),
  /** Fraction of received packets that its full queues drop. */
  nicDropShare: z.number().min(0).max(1).default(0),
  /** Started at the next boot of the host only. */
  autostartOnce: z.boolean().default(false),
  /** An emulated TPM 2.0. */
  tpm: z.boolean().default(false),
  /** Memory shared with other processes of the host, as virtiofs and vhost-user devices require. */
  sharedMemory: z.boolean().default(false),
  /** A virtio-mem device: `sizeMiB` of its memory can be unplugged, and `requestedMiB` of that should be plugged. */
  virtioMem: z
    .strictObject({ sizeMiB: z.int().positive(), requestedMiB: z.int().min(0) })
    .refine(({ sizeMiB, requestedMiB }) => requestedMiB <= sizeMiB, 'requestedMiB exceeds sizeMiB')
    .optional(),
  /** Runs the QEMU guest agent. */
  agent: z.boolean().default(false),
  /** Time its guest takes to shut down; `never`: it ignores the power button. */
  shutdownSeconds: z.union([z.number().min(0).max(3_600), z.literal('never')]).default(1),
  /** Password of its console; returned only to clients that may read secrets. */
  vncPassword: z.string().max(8).optional(),
  /** OpenStack project; marks Nova as the owner. */
  project: z.string().optional(),
});

const vm = vmFields.refine(
  ({ memoryMiB, hugepagesKiB, virtioMem }) =>
    virtioMem === undefined || (virtioMem.sizeMiB < memoryMiB && hugepagesKiB === undefined),
  'virtioMem.sizeMiB must be less than memoryMiB, and cannot be combined with hugepagesKiB',
);

const host = z
  .strictObject({
    sockets: z.int().min(1).max(8).default(2),
    diesPerSocket: z.int().min(1).max(16).default(1),
    /** More than one when the firmware splits a socket, as with EPYC's NPS setting. */
    cellsPerSocket: z.int().min(1).max(16).default(1),
    coresPerSocket: z.int().min(1).max(128).default(8),
    threadsPerCore: z.int().min(1).max(8).default(2),
    /** Cores that share a last-level cache; by default those of a cell. */
    coresPerCache: z.int().min(1).max(128).optional(),
    /** A CPU list. */
    offlineCpus: z.string().default(''),
    /** Cells with memory but without CPUs, as with persistent memory or CXL. */
    memoryOnlyCells: z.int().min(0).max(8).default(0),
    memoryGiB: z.int().min(1).max(65_536).default(256),
    /** Throughput of the storage below all disks; beyond it, requests queue. */
    storageMiBps: z.number().positive().default(2_000),
    /** Pages per size, KiB, in the pool of each cell. */
    hugepages: z
      .strictObject({ 2048: z.int().min(0).default(16_384), 1048576: z.int().min(0).default(8) })
      .prefault({}),
  })
  .refine(
    ({ coresPerSocket, diesPerSocket, cellsPerSocket }) =>
      coresPerSocket % diesPerSocket === 0 && coresPerSocket % cellsPerSocket === 0,
    'the cores of a socket must be divided evenly among its dies and its cells',
  );

const scenario = z.strictObject({
  name: z.string().min(1),
  description: z.string(),
  seed: z.int().default(1),
  /** Multiplies the demand of every VM. */
  load: z.number().positive().default(1),
  host: host.prefault({}),
  vms: z.array(vm).max(10_000),
});

export type ScenarioInput = z.input<typeof scenario>;
export type Scenario = z.output<typeof scenario>;
export type VmSpec = z.output<typeof vm>;
export type HostSpec = Scenario['host'];

export class ScenarioError extends VirtuneError {
  override readonly name = 'ScenarioError';
  constructor(message: string, options?: ErrorOptions) {
    super('SCENARIO', message, options);
  }
}

/** The spec of a VM defined by a client, which is in no scenario: its properties come from its XML. */
export function unknownVm(name: string): VmSpec {
  return {
    ...vm.parse({ name: 'unknown', workload: 'idle', vcpus: 1, memoryMiB: 16, state: 'shutoff' }),
    name,
  };
}

/** @throws ScenarioError listing each invalid field. */
export function checkScenario(input: unknown, where: string): Scenario {
  const result = scenario.safeParse(input);
  if (!result.success) {
    const places = result.error.issues.map(
      (issue) => `${issue.path.join('.') || 'the whole'}: ${issue.message}`,
    );
    throw new ScenarioError(`${where} is not a scenario: ${places.join('; ')}`);
  }
  const names = result.data.vms.map((each) => each.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ScenarioError(`${where}: two VMs are named ${JSON.stringify(twice)}`);
  return result.data;
}

/** @throws ScenarioError when the file cannot be read, is not JSON, or not a scenario. */
export function loadScenarioFile(path: string): Scenario {
  let input: unknown;
  try {
    input = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ScenarioError(`${path} cannot be read as JSON: ${(error as Error).message}`, { cause: error });
  }
  return checkScenario(input, path);
}

/** The scenario with `count` VMs: those of the scenario, then copies with a numeric suffix. */
export function withVmCount(base: Scenario, count: number): Scenario {
  const vms = Array.from({ length: count }, (_, index): VmSpec => {
    const model = base.vms[index % base.vms.length] as VmSpec;
    return index < base.vms.length ? model : { ...model, name: `${model.name}-${index}`, pins: undefined };
  });
  return { ...base, vms };
}
