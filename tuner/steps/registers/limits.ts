import { Impact, PARAM_STRING_OKAY } from '../../../libvirt/constants.ts';
import type { TypedParam } from '../../../libvirt/typed-params.ts';
import { handle, quoted } from '../domain-run.ts';
import { fromTyped, paramsDiffer, pick, stepParams, toTyped } from '../params.ts';
import { proveBlkio, proveMemoryLimits, proveScheduler } from '../proofs/cgroup.ts';
import { register } from '../register.ts';
import type { StepOf, StepParam } from '../step.ts';
import type { StepHost } from '../step-host.ts';

/** REMOTE_DOMAIN_SCHEDULER_PARAMETERS_MAX and its like: no getter gives more. */
const PARAMS_MAX = 16;

const read = { nparams: PARAMS_MAX, flags: Impact.live | PARAM_STRING_OKAY };

/** What stands for no quota: -1, or what cgroup v2's `max` becomes in libvirt (VIR_DOMAIN_QUOTA_MAX, vircgroup). */
const QUOTA_MAX_US = 17_592_186_044_415n;

/** Both spellings of "no quota" are one, so that it compares, and can be set again. */
function fromScheduler(param: TypedParam): StepParam {
  const plain = fromTyped(param);
  if (!param.field.endsWith('_quota') || typeof param.value === 'boolean') return plain;
  const us = BigInt(param.value);
  return us < 0n || us >= QUOTA_MAX_US ? { ...plain, value: '-1' } : plain;
}

export const scheduler = register('scheduler', stepParams, {
  home: 'run',
  async get(host, { domain, to }) {
    const { params } = await host.call('domainGetSchedulerParametersFlags', {
      domain: handle(domain),
      ...read,
    });
    return pick(params.map(fromScheduler), to, `the CPU time of domain ${quoted(domain)}`);
  },
  set: (host, { domain }, to) =>
    host.call('domainSetSchedulerParametersFlags', {
      domain: handle(domain),
      params: to.map(toTyped),
      flags: Impact.live,
    }),
  differs: paramsDiffer,
  prove: (host, { domain }, wanted) => proveScheduler(host, domain, wanted),
});

export const memoryLimits = register('memoryLimits', stepParams, {
  home: 'run',
  async get(host, { domain, to }) {
    const { params } = await host.call('domainGetMemoryParameters', { domain: handle(domain), ...read });
    return pick(params.map(fromTyped), to, `the memory limits of domain ${quoted(domain)}`);
  },
  set: (host, { domain }, to) =>
    host.call('domainSetMemoryParameters', {
      domain: handle(domain),
      params: to.map(toTyped),
      flags: Impact.live,
    }),
  differs: paramsDiffer,
  prove: (host, { domain }, wanted) => proveMemoryLimits(host, domain, wanted),
});

async function blkioNow(host: StepHost, { domain, to }: StepOf<'blkio'>): Promise<StepParam[]> {
  const { params } = await host.call('domainGetBlkioParameters', { domain: handle(domain), ...read });
  return pick(params.map(fromTyped), to, `the block I/O weights of domain ${quoted(domain)}`);
}

export const blkio = register('blkio', stepParams, {
  home: 'run',
  get: blkioNow,
  async set(host, step, to) {
    const now = await blkioNow(host, step);
    const params = to.map((param) => toTyped(withoutOthers(param, now)));
    await host.call('domainSetBlkioParameters', { domain: handle(step.domain), params, flags: Impact.live });
  },
  differs: (is, wanted) => paramsDiffer(is.map(ordered), wanted.map(ordered)),
  prove: (host, { domain }, wanted) => proveBlkio(host, domain, wanted),
});

/** `/dev/sda,500,/dev/sdb,300`: what a device is not named for stays, unless it is given 0. */
function withoutOthers(param: StepParam, now: readonly StepParam[]): StepParam {
  if (!param.field.startsWith('device_')) return param;
  const wanted = perDevice(param);
  const before = now.find(({ field }) => field === param.field);
  const gone = before === undefined ? [] : [...perDevice(before).keys()].filter((path) => !wanted.has(path));
  return { ...param, value: joined(new Map([...wanted, ...gone.map((path) => [path, '0'] as const)])) };
}

function ordered(param: StepParam): StepParam {
  if (!param.field.startsWith('device_')) return param;
  const sorted = [...perDevice(param)]
    .filter(([, value]) => value !== '0')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...param, value: joined(new Map(sorted)) };
}

function perDevice({ value }: StepParam): Map<string, string> {
  const parts = String(value).split(',');
  const found = new Map<string, string>();
  for (let at = 0; at + 1 < parts.length; at += 2) found.set(parts[at] ?? '', parts[at + 1] ?? '');
  return found;
}

const joined = (devices: ReadonlyMap<string, string>): string => [...devices].flat().join(',');
