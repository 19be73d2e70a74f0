import { z } from 'zod';
import { Impact, StatsGroup } from '../../../libvirt/constants.ts';
import { ParamType } from '../../../libvirt/typed-params.ts';
import { attr, child, children, parseXml } from '../../../model/xml.ts';
import { TunerError } from '../../errors.ts';
import { handle, quoted } from '../domain-run.ts';
import { paramsDiffer, pick, stepParams, toTyped } from '../params.ts';
import { findProcess, threadsOf } from '../proofs/process.ts';
import { plainly, register } from '../register.ts';
import type { StepDomain, StepOf, StepParam } from '../step.ts';
import type { StepHost } from '../step-host.ts';

const presence = z.enum(['present', 'absent']);

async function isThere(host: StepHost, { domain, id }: StepOf<'ioThread'>): Promise<boolean> {
  const { ioThreads } = await host.call('domainGetIoThreadInfo', {
    domain: handle(domain),
    flags: Impact.live,
  });
  return ioThreads.some((each) => each.id === id);
}

export const ioThread = register('ioThread', presence, {
  home: 'run',
  get: async (host, step) => ((await isThere(host, step)) ? 'present' : 'absent'),
  async set(host, step, to) {
    // Adding one that is there, and taking away one that is not, are refused.
    if ((await isThere(host, step)) === (to === 'present')) return;
    await host.call(to === 'present' ? 'domainAddIoThread' : 'domainDelIoThread', {
      domain: handle(step.domain),
      ioThreadId: step.id,
      flags: Impact.live,
    });
  },
  differs: plainly,
  async prove(host, { domain, id }, wanted) {
    const process = await findProcess(host, domain);
    if (process === undefined) return [];
    const thread = threadsOf(process).find(({ comm }) => comm === `IO iothread${id}`);
    if ((thread !== undefined) !== (wanted === 'present')) {
      throw new TunerError(
        'TUNE_READ_BACK',
        `libvirt says that iothread ${id} of domain ${quoted(domain)} is ${wanted}, but process ${process.pid} has ${thread === undefined ? 'no such thread' : `thread ${thread.tid}`}`,
      );
    }
    return [
      thread === undefined ? `no thread "IO iothread${id}"` : `thread ${thread.tid} ("${thread.comm}")`,
    ];
  },
});

/** What QEMU has while nothing is said of its pool (qemu, include/block/aio.h, THREAD_POOL_MAX_THREADS_DEFAULT). */
const POOL_DEFAULTS = { thread_pool_min: '0', thread_pool_max: '64' } as const;

export const ioThreadParams = register('ioThreadParams', stepParams, {
  home: 'run',
  async get(host, { domain, id, to }) {
    const asked = to.some(({ field }) => field.startsWith('poll_')) ? await polling(host, domain, id) : [];
    const pool = to.some(({ field }) => field in POOL_DEFAULTS) ? await poolSize(host, domain, id) : [];
    return pick([...asked, ...pool], to, `iothread ${id} of domain ${quoted(domain)}`);
  },
  async set(host, { domain, id }, to) {
    const change = (params: readonly StepParam[]): Promise<void> =>
      host.call('domainSetIoThreadParams', {
        domain: handle(domain),
        ioThreadId: id,
        params: params.map(toTyped),
        flags: Impact.live,
      });
    const most = to.find(({ field }) => field === 'thread_pool_max');
    const fewest = to.find(({ field }) => field === 'thread_pool_min');
    // Neither may pass the other on the way, so a pool that grows is raised at its upper end first.
    if (most !== undefined && fewest !== undefined) {
      const [now] = pick(await poolSize(host, domain, id), [most], 'the iothread');
      const grows = Number(most.value) >= Number(now?.value);
      await change(to.filter((param) => param !== (grows ? fewest : most)));
      await change([grows ? fewest : most]);
    } else await change(to);
  },
  differs: paramsDiffer,
});

/** As QEMU itself tells it: no XML says it before libvirt 9.4. */
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

async function poolSize(host: StepHost, domain: StepDomain, id: number): Promise<StepParam[]> {
  const { xml } = await host.call('domainGetXmlDesc', { domain: handle(domain), flags: 0 });
  const root = parseXml(`the XML of domain ${quoted(domain)}`, xml, 'domain');
  const element = children(child(root, 'iothreadids'), 'iothread').find(
    (each) => attr(each, 'id') === String(id),
  );
  return Object.entries(POOL_DEFAULTS).map(([field, otherwise]) => ({
    field,
    type: ParamType.int,
    value: attr(element, field) ?? otherwise,
  }));
}
