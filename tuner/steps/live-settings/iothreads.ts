import { z } from 'zod';
import { Impact, StatsGroup } from '../../../libvirt/constants.ts';
import { ParamType } from '../../../libvirt/typed-params.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import { parseDomainTree } from '../../../model/domain/domain-tree.ts';
import { attr, child, children, type Element } from '../../../model/xml.ts';
import { TunerError } from '../../errors.ts';
import { handle, quoted } from '../domain-run.ts';
import { liveSetting } from '../live-setting.ts';
import { paramsDiffer, pick, stepParams, toTyped } from '../params.ts';
import type { StepDomain, StepOf, StepParam } from '../step.ts';
import type { StepHost } from '../step-host.ts';
import { findProcess, threadsOf } from '../verification/process.ts';
import { ioThreadPin } from './pins.ts';

/** Lost with an iothread: a new one with the same id has QEMU's defaults and no pin. */
const kept = z.object({ pin: z.string().nullable(), params: stepParams }).readonly();
/** Plain `present` requests a new iothread; older journals also have it in place of the details. */
const presence = z.union([z.enum(['present', 'absent']), kept]);
type Presence = z.infer<typeof presence>;

async function isThere(host: StepHost, { domain, id }: StepOf<'ioThread'>): Promise<boolean> {
  const { ioThreads } = await host.call('domainGetIoThreadInfo', {
    domain: handle(domain),
    flags: Impact.live,
  });
  return ioThreads.some((each) => each.id === id);
}

async function readPresence(host: StepHost, step: StepOf<'ioThread'>): Promise<Presence> {
  if (!(await isThere(host, step))) return 'absent';
  const { domain, id } = step;
  const root = await liveXml(host, domain);
  const pin = children(child(root, 'cputune'), 'iothreadpin').find(
    (each) => attr(each, 'iothread') === String(id),
  );
  const polls = (await polling(host, domain, id)).filter(({ field }) => POLL_FIELDS.has(field));
  const pool = ioThreadElement(root, id);
  const said = Object.keys(POOL_DEFAULTS).some((field) => attr(pool, field) !== undefined);
  return { pin: attr(pin, 'cpuset') ?? null, params: [...polls, ...(said ? threadPoolOf(root, id) : [])] };
}

const isPresent = (state: Presence): boolean => state !== 'absent';

export const ioThread = liveSetting('ioThread', presence, {
  home: 'run',
  get: readPresence,
  async set(host, step, to) {
    // libvirt rejects adding an existing iothread and deleting a missing one.
    if ((await isThere(host, step)) !== isPresent(to)) {
      await host.call(isPresent(to) ? 'domainAddIoThread' : 'domainDelIoThread', {
        domain: handle(step.domain),
        ioThreadId: step.id,
        flags: Impact.live,
      });
    }
    if (typeof to === 'object') await restoreDetails(host, step, to);
  },
  differs(is, wanted) {
    if (isPresent(is) !== isPresent(wanted)) return `it is ${wordOf(is)}, not ${wordOf(wanted)}`;
    if (typeof is === 'string' || typeof wanted === 'string' || wanted.pin === null) return undefined;
    return sameCpus(is.pin, wanted.pin) ? undefined : `its CPUs are ${is.pin ?? 'any'}, not ${wanted.pin}`;
  },
  async verify(host, { domain, id }, wanted) {
    const process = await findProcess(host, domain);
    if (process === undefined) return [];
    const thread = threadsOf(process).find(({ comm }) => comm === `IO iothread${id}`);
    if ((thread !== undefined) !== isPresent(wanted)) {
      throw new TunerError(
        'TUNE_READ_BACK',
        `libvirt reports iothread ${id} of domain ${quoted(domain)} as ${wordOf(wanted)}, but process ${process.pid} has ${thread === undefined ? 'no such thread' : `thread ${thread.tid}`}`,
      );
    }
    return [
      thread === undefined ? `no thread "IO iothread${id}"` : `thread ${thread.tid} ("${thread.comm}")`,
    ];
  },
});

const wordOf = (state: Presence): string => (isPresent(state) ? 'present' : 'absent');

const sameCpus = (is: string | null, wanted: string): boolean =>
  is !== null && CpuSet.parse(is).equals(CpuSet.parse(wanted));

/** Restores its pin and parameters where they differ. */
async function restoreDetails(
  host: StepHost,
  step: StepOf<'ioThread'>,
  { pin, params }: Extract<Presence, object>,
): Promise<void> {
  const { domain, id } = step;
  const now = await readPresence(host, step);
  if (typeof now === 'string') return;
  const missing = params.filter((param) => paramsDiffer(now.params, [param]) !== undefined);
  const stepFor = { domain, id, to: missing };
  if (missing.length > 0) await ioThreadParams.set(host, { kind: 'ioThreadParams', ...stepFor }, missing);
  if (pin !== null && !sameCpus(now.pin, pin))
    await ioThreadPin.set(host, { kind: 'ioThreadPin', domain, id, to: pin }, pin);
}

const POLL_FIELDS = new Set(['poll_max_ns', 'poll_grow', 'poll_shrink']);

/** QEMU's defaults for an unconfigured pool (qemu, include/block/aio.h, THREAD_POOL_MAX_THREADS_DEFAULT). */
const POOL_DEFAULTS = { thread_pool_min: '0', thread_pool_max: '64' } as const;

export const ioThreadParams = liveSetting('ioThreadParams', stepParams, {
  home: 'run',
  async get(host, { domain, id, to }) {
    const asked = to.some(({ field }) => field.startsWith('poll_')) ? await polling(host, domain, id) : [];
    const pool = to.some(({ field }) => field in POOL_DEFAULTS) ? await poolSize(host, domain, id) : [];
    return pick([...asked, ...pool], to, `iothread ${id} of domain ${quoted(domain)}`);
  },
  // Both pool bounds in one call: libvirt compares the minimum with a maximum of -1 if none was ever set, and orders
  // the two as QEMU accepts them (seen with 9.0 and 12.9). Polling in a separate call: combined, libvirt 9.0 sets
  // QEMU's pool but keeps the old one in the XML, which is what is read and what the next change is checked against.
  async set(host, { domain, id }, to) {
    const pool = to.filter(({ field }) => field in POOL_DEFAULTS);
    const polls = to.filter(({ field }) => !(field in POOL_DEFAULTS));
    for (const params of [pool, polls]) {
      if (params.length === 0) continue;
      await host.call('domainSetIoThreadParams', {
        domain: handle(domain),
        ioThreadId: id,
        params: params.map(toTyped),
        flags: Impact.live,
      });
    }
  },
  differs: paramsDiffer,
});

/** From QEMU's report: the XML lacks it before libvirt 9.4. */
async function polling(host: StepHost, domain: StepDomain, id: number): Promise<StepParam[]> {
  const { records } = await host.call('connectGetAllDomainStats', {
    domains: [handle(domain)],
    stats: StatsGroup.ioThread,
    flags: 0,
  });
  return (records[0]?.params ?? []).flatMap(({ field, value }) => {
    const name = new RegExp(`^iothread\\.${id}\\.(poll-[a-z-]+)$`).exec(field)?.[1]?.replaceAll('-', '_');
    const type = name === 'poll_max_ns' ? ParamType.ullong : ParamType.uint;
    return name === undefined ? [] : [{ field: name, type, value: String(value) }];
  });
}

async function liveXml(host: StepHost, domain: StepDomain): Promise<Element> {
  const { xml } = await host.call('domainGetXmlDesc', { domain: handle(domain), flags: 0 });
  return parseDomainTree(`the XML of domain ${quoted(domain)}`, xml);
}

function ioThreadElement(root: Element, id: number): Element | undefined {
  return children(child(root, 'iothreadids'), 'iothread').find((each) => attr(each, 'id') === String(id));
}

async function poolSize(host: StepHost, domain: StepDomain, id: number): Promise<StepParam[]> {
  return threadPoolOf(await liveXml(host, domain), id);
}

function threadPoolOf(root: Element, id: number): StepParam[] {
  const element = ioThreadElement(root, id);
  return Object.entries(POOL_DEFAULTS).map(([field, otherwise]) => ({
    field,
    type: ParamType.int,
    value: attr(element, field) ?? otherwise,
  }));
}
