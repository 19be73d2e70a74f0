import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { WORKLOADS } from './workload.ts';

const disk = z.strictObject({
  target: z.string().regex(/^[a-z]{2,3}[a-z]*$/),
  sizeGiB: z.number().positive().max(1_048_576),
  format: z.enum(['raw', 'qcow2']).default('qcow2'),
  cache: z.enum(['none', 'writeback', 'writethrough', 'directsync', 'unsafe']).optional(),
  io: z.enum(['native', 'threads', 'io_uring']).optional(),
  ioThread: z.int().positive().optional(),
});

const vm = z.strictObject({
  name: z.string().min(1).max(255),
  workload: z.enum(WORKLOADS),
  vcpus: z.int().min(1).max(512),
  memoryMiB: z.int().min(16),
  state: z.enum(['running', 'shutoff', 'paused']).default('running'),
  disks: z.array(disk).default([]),
  nics: z.int().min(0).max(64).default(1),
  ioThreads: z.int().min(0).max(64).default(0),
  /** vCPU i goes to the i-th entry, a CPU list. */
  pins: z.array(z.string()).optional(),
  numaNode: z.int().min(0).optional(),
  hugepagesKiB: z.int().positive().optional(),
  balloonPeriodSeconds: z.int().min(0).default(5),
  /** Runs QEMU's guest agent. */
  agent: z.boolean().default(false),
  /** Names Nova as its owner. */
  project: z.string().optional(),
});

const scenario = z.strictObject({
  name: z.string().min(1),
  description: z.string(),
  seed: z.int().default(1),
  /** Multiplies what every VM wants. */
  load: z.number().positive().default(1),
  host: z
    .strictObject({
      sockets: z.int().min(1).max(8).default(2),
      coresPerSocket: z.int().min(1).max(128).default(8),
      threadsPerCore: z.int().min(1).max(8).default(2),
      memoryGiB: z.int().min(1).max(65_536).default(256),
      /** What the storage below all disks takes; beyond it, requests queue. */
      storageMiBps: z.number().positive().default(2_000),
    })
    .prefault({}),
  vms: z.array(vm).max(10_000),
});

export type ScenarioInput = z.input<typeof scenario>;
export type Scenario = z.output<typeof scenario>;
export type VmSpec = z.output<typeof vm>;
export type HostSpec = Scenario['host'];

export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly code = 'SCENARIO';
}

/** @throws ScenarioError naming each place that is wrong. */
export function checkScenario(input: unknown, where: string): Scenario {
  const result = scenario.safeParse(input);
  if (!result.success) {
    const places = result.error.issues.map(
      (issue) => `${issue.path.join('.') || 'the whole'}: ${issue.message}`,
    );
    throw new ScenarioError(`${where} is no scenario: ${places.join('; ')}`);
  }
  const names = result.data.vms.map((each) => each.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ScenarioError(`${where}: two VMs are named ${JSON.stringify(twice)}`);
  return result.data;
}

/** @throws ScenarioError when the file cannot be read, is no JSON, or no scenario. */
export function loadScenarioFile(path: string): Scenario {
  let input: unknown;
  try {
    input = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ScenarioError(`${path} cannot be read as JSON: ${(error as Error).message}`, { cause: error });
  }
  return checkScenario(input, path);
}

/** The scenario with `count` VMs: the first of its own, then copies with a number behind their names. */
export function withVmCount(base: Scenario, count: number): Scenario {
  const vms = Array.from({ length: count }, (_, index): VmSpec => {
    const model = base.vms[index % base.vms.length] as VmSpec;
    return index < base.vms.length ? model : { ...model, name: `${model.name}-${index}`, pins: undefined };
  });
  return { ...base, vms };
}
