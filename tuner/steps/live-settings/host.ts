import { z } from 'zod';
import { ErrorCode } from '../../../libvirt/constants.ts';
import { isRemoteError } from '../../../libvirt/errors.ts';
import { attr, child, children, parseXml, sizeKiB, text, wholeNumber } from '../../../model/xml.ts';
import { readProcFile } from '../../../sampler/proc-file.ts';
import { TunerError } from '../../errors.ts';
import { liveSetting, plainly } from '../live-setting.ts';
import { fromTyped, paramsDiffer, pick, stepParams, toTyped } from '../params.ts';
import type { StepOf } from '../step.ts';
import type { StepHost } from '../step-host.ts';

/** virNodeAllocPagesFlags: sets the pool size instead of adding to it. */
const ALLOC_SET = 1;
/** Freeing or allocating gigabytes page by page takes the kernel a while. */
const ALLOC_TIMEOUT_MS = 300_000;

export const hostPages = liveSetting('hostPages', z.number(), {
  home: 'host',
  get: poolSize,
  async set(host, step, to) {
    const { cell, sizeKiB: pageKiB } = step;
    const before = await poolSize(host, step);
    const args = {
      pageSizesKiB: [pageKiB],
      counts: [to],
      startCell: cell,
      cellCount: 1,
      flags: ALLOC_SET,
    };
    try {
      await host.call('nodeAllocPages', args, { timeoutMs: ALLOC_TIMEOUT_MS });
    } catch (error) {
      if (!isRemoteError(error, ErrorCode.operationFailed)) throw error;
      const got = await poolSize(host, step);
      throw new TunerError('TUNE_STEP', shortfall(step, before, to, got), { cause: error });
    }
  },
  differs: plainly,
  async verify(host, { cell, sizeKiB: pageKiB }, wanted) {
    const file = `${host.local?.sysRoot}/devices/system/node/node${cell}/hugepages/hugepages-${pageKiB}kB/nr_hugepages`;
    const count = host.local && readProcFile(file)?.trim();
    if (count === undefined) return [];
    if (Number(count) === wanted) return [`${file}: ${count}`];
    throw new TunerError(
      'TUNE_READ_BACK',
      `libvirt reports ${wanted} pages of ${pageKiB} KiB on cell ${cell}, but ${file} has ${count}`,
    );
  },
});

/** Total of free and used pages, from the capabilities; the calls report only free ones. */
async function poolSize(host: StepHost, { cell, sizeKiB: pageKiB }: StepOf<'hostPages'>): Promise<number> {
  const { xml } = await host.call('connectGetCapabilities', undefined);
  const root = parseXml('the capabilities', xml, 'capabilities');
  const element = children(child(root, 'host', 'topology', 'cells'), 'cell').find(
    (each) => attr(each, 'id') === String(cell),
  );
  const pages = children(element, 'pages').find(
    (each) => sizeKiB(attr(each, 'size'), attr(each, 'unit')) === pageKiB,
  );
  const count = wholeNumber(text(pages));
  if (count !== undefined) return count;
  throw new TunerError('TUNE_STEP', `cell ${cell} of this host has no pool of ${pageKiB} KiB pages`);
}

function shortfall(
  { cell, sizeKiB: pageKiB }: StepOf<'hostPages'>,
  before: number,
  wanted: number,
  got: number,
): string {
  const grows = wanted > before;
  return grows
    ? `cell ${cell} got ${got} of ${wanted} pages of ${pageKiB} KiB (before: ${before}): its memory is in use or fragmented; free some (sync; echo 3 >/proc/sys/vm/drop_caches; echo 1 >/proc/sys/vm/compact_memory) and try again, or reserve the pages at boot (hugepagesz=, hugepages=)`
    : `cell ${cell} should shrink to ${wanted} pages of ${pageKiB} KiB but still has ${got} (before: ${before}): running VMs use the rest; restart these VMs, then run virtune tune recover`;
}

/** KSM's three tunables; the other `shm_` parameters of libvirt are statistics. */
export const ksm = liveSetting('ksm', stepParams, {
  home: 'host',
  async get(host, { to }) {
    // The count has to be exact here (libvirt, virNodeGetMemoryParameters).
    const { nparams } = await host.call('nodeGetMemoryParameters', { nparams: 0, flags: 0 });
    const { params } = await host.call('nodeGetMemoryParameters', { nparams, flags: 0 });
    return pick(params.map(fromTyped), to, 'KSM of the host');
  },
  set: (host, _, to) => host.call('nodeSetMemoryParameters', { params: to.map(toTyped), flags: 0 }),
  differs: paramsDiffer,
  async verify(host, _, wanted) {
    if (host.local === undefined) return [];
    const folder = `${host.local.sysRoot}/kernel/mm/ksm`;
    return wanted.flatMap(({ field, value }) => {
      const file = `${folder}/${field.replace(/^shm_/, '')}`;
      const text = readProcFile(file)?.trim();
      if (text === undefined) return [];
      if (text === String(value)) return [`${file}: ${text}`];
      throw new TunerError(
        'TUNE_READ_BACK',
        `libvirt reports ${value} for ${field}, but ${file} has ${text}`,
      );
    });
  },
});
