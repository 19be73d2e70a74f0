import { Impact, PARAM_STRING_OKAY } from '../../../libvirt/constants.ts';
import type { TypedParam } from '../../../libvirt/typed-params.ts';
import { handle, quoted } from '../domain-run.ts';
import { liveSetting } from '../live-setting.ts';
import { fromTyped, paramsDiffer, pick, stepParams, toTyped } from '../params.ts';
import type { StepDomain, StepOf, StepParam } from '../step.ts';
import type { StepHost } from '../step-host.ts';
import { verifyBlkio, verifyMemoryLimits, verifyScheduler } from '../verification/cgroup.ts';

/** REMOTE_DOMAIN_SCHEDULER_PARAMETERS_MAX and similar limits: no getter returns more. */
const PARAMS_MAX = 16;

const read = { nparams: PARAMS_MAX, flags: Impact.live | PARAM_STRING_OKAY };

/** Values for no quota: -1, or libvirt's translation of `max` in cgroup v2 (VIR_DOMAIN_QUOTA_MAX, vircgroup). */
const QUOTA_MAX_US = 17_592_186_044_415n;

/** Maps both forms of "no quota" to one, so that it can be compared and set again. */
function fromScheduler(param: TypedParam): StepParam {
  const plain = fromTyped(param);
  if (!param.field.endsWith('_quota') || typeof param.value === 'boolean') return plain;
  const us = BigInt(param.value);
  return us < 0n || us >= QUOTA_MAX_US ? { ...plain, value: '-1' } : plain;
}

async function readScheduler(host: StepHost, domain: StepDomain): Promise<StepParam[]> {
  const { params } = await host.call('domainGetSchedulerParametersFlags', {
    domain: handle(domain),
    ...read,
  });
  return params.map(fromScheduler);
}

/**
 * libvirt applies a call's changes one by one, and the kernel validates each: a thread's quota/period may at no point
 * exceed that of the whole domain (cgroup v1, tg_cfs_schedulable_down). So on the way threads may only get less: a
 * growing period is set before its quota, a shrinking one after it. For the domain's own it is the reverse, and it is
 * set first if its share grows and last if it shrinks.
 */
function inValidOrder(to: readonly StepParam[], now: readonly StepParam[]): StepParam[] {
  const value = (all: readonly StepParam[], field: string): number =>
    Number(all.find((param) => param.field === field)?.value ?? Number.NaN);
  const wanted = (field: string): number => {
    const said = value(to, field);
    return Number.isNaN(said) ? value(now, field) : said;
  };
  const part = (quota: number, period: number): number =>
    quota < 0 ? Number.POSITIVE_INFINITY : quota / period;
  const grows =
    part(wanted('global_quota'), wanted('global_period')) >
    part(value(now, 'global_quota'), value(now, 'global_period'));
  const rank = ({ field }: StepParam): number => {
    const [, of, what] = /^(.*)_(period|quota)$/.exec(field) ?? [];
    if (of === undefined) return 0;
    const place = of === 'global' ? (grows ? 1 : 3) : 2;
    const longer = wanted(`${of}_period`) > value(now, `${of}_period`);
    const periodFirst = of === 'global' ? !longer : longer;
    return 10 * place + ((what === 'period') === periodFirst ? 0 : 1);
  };
  return to.toSorted((a, b) => rank(a) - rank(b));
}

export const scheduler = liveSetting('scheduler', stepParams, {
  home: 'run',
  get: async (host, { domain, to }) =>
    pick(await readScheduler(host, domain), to, `the CPU time of domain ${quoted(domain)}`),
  async set(host, step, to) {
    const now = await readScheduler(host, step.domain);
    await host.call('domainSetSchedulerParametersFlags', {
      domain: handle(step.domain),
      params: inValidOrder(to, now).map(toTyped),
      flags: Impact.live,
    });
  },
  differs: paramsDiffer,
  verify: (host, { domain }, wanted) => verifyScheduler(host, domain, wanted),
});

export const memoryLimits = liveSetting('memoryLimits', stepParams, {
  home: 'run',
  async get(host, { domain, to }) {
    const { params } = await host.call('domainGetMemoryParameters', { domain: handle(domain), ...read });
    return pick(params.map(fromTyped), to, `the memory limits of domain ${quoted(domain)}`);
  },
  // The memory+swap limit includes memory, and libvirt and the kernel reject one below the memory limit: if both
  // decrease, set memory first.
  async set(host, { domain }, to) {
    const { params } = await host.call('domainGetMemoryParameters', { domain: handle(domain), ...read });
    const hardNow = params.find(({ field }) => field === 'hard_limit')?.value;
    const swap = to.find(({ field }) => field === 'swap_hard_limit');
    const sinks = swap !== undefined && hardNow !== undefined && BigInt(swap.value) < BigInt(hardNow);
    const rest = to.filter((param) => param !== swap);
    const calls = (sinks ? [rest, [swap]] : [swap === undefined ? [] : [swap], rest]).filter(
      (each) => each.length > 0,
    );
    for (const call of calls) {
      await host.call('domainSetMemoryParameters', {
        domain: handle(domain),
        params: call.map(toTyped),
        flags: Impact.live,
      });
    }
  },
  differs: paramsDiffer,
  verify: (host, { domain }, wanted) => verifyMemoryLimits(host, domain, wanted),
});

async function blkioNow(host: StepHost, { domain, to }: StepOf<'blkio'>): Promise<StepParam[]> {
  const { params } = await host.call('domainGetBlkioParameters', { domain: handle(domain), ...read });
  return pick(params.map(fromTyped), to, `the block I/O weights of domain ${quoted(domain)}`);
}

export const blkio = liveSetting('blkio', stepParams, {
  home: 'run',
  get: blkioNow,
  async set(host, step, to) {
    const now = await blkioNow(host, step);
    const params = to.map((param) => toTyped(withoutOthers(param, now)));
    await host.call('domainSetBlkioParameters', { domain: handle(step.domain), params, flags: Impact.live });
  },
  differs: (is, wanted) => paramsDiffer(is.map(ordered), wanted.map(ordered)),
  verify: (host, { domain }, wanted) => verifyBlkio(host, domain, wanted),
});

/** `/dev/sda,500,/dev/sdb,300`: devices not listed keep their value unless set to 0. */
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
