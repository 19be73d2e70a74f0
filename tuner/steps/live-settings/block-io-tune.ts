import { Impact, PARAM_STRING_OKAY } from '../../../libvirt/constants.ts';
import { parseDomainTree } from '../../../model/domain/domain-tree.ts';
import { attr, child } from '../../../model/xml.ts';
import { targetElement } from '../../settings/targets.ts';
import { handle, quoted } from '../domain-run.ts';
import { liveSetting } from '../live-setting.ts';
import { fromTyped, paramsDiffer, stepParams, toTyped } from '../params.ts';
import type { StepDomain, StepOf, StepParam } from '../step.ts';
import type { StepHost } from '../step-host.ts';

/** REMOTE_DOMAIN_BLOCK_IO_TUNE_PARAMETERS_MAX */
const PARAMS_MAX = 32;
const GROUP = 'group_name';
const SIZE = 'size_iops_sec';
const IOPS_LIMIT = /^(total|read|write)_iops_sec$/;

/**
 * All limits of a disk, not only those in the step: a call that sets one of `total`, `read` and `write` silently resets
 * the other two to 0 (qemuDomainSetBlockIoTune inherits them together or not at all), so each call must include them
 * all.
 */
export const blockIoTune = liveSetting('blockIoTune', stepParams, {
  home: 'run',
  get: readAll,
  async set(host, step, to) {
    const now = await readAll(host, step);
    // A group named by QEMU itself cannot be requested by its name: it results from removing all limits first.
    const leavesGroup = ownGroup(now) !== undefined && ownGroup(to) === undefined;
    if (leavesGroup) await send(host, step, now.map(cleared));
    if (!leavesGroup || to.some(limits)) await send(host, step, to);
  },
  differs(is, wanted) {
    const [group, wantedGroup] = [ownGroup(is), ownGroup(wanted)];
    if (group !== wantedGroup) return `its group is ${group ?? 'none'}, not ${wantedGroup ?? 'none'}`;
    return paramsDiffer(is, wanted.filter(isNumber));
  },
  target: ({ to }, was) => {
    const settled = new Map(was.map((param) => [param.field, param]));
    for (const param of to) {
      if (limits(param)) for (const field of excludedBy(param.field)) settled.delete(field);
    }
    for (const param of to) settled.set(param.field, param);
    // QEMU rejects a request size without a limit on the rate (throttle_is_valid).
    if (![...settled.values()].some((param) => IOPS_LIMIT.test(param.field) && limits(param)))
      settled.delete(SIZE);
    return was.map((param) => withLength(settled.get(param.field) ?? cleared(param), settled));
  },
});

/** Groups named by QEMU itself are read as an empty name. */
async function readAll(host: StepHost, { domain, disk }: StepOf<'blockIoTune'>): Promise<StepParam[]> {
  const { params } = await host.call('domainGetBlockIoTune', {
    domain: handle(domain),
    disk,
    nparams: PARAMS_MAX,
    flags: Impact.live | PARAM_STRING_OKAY,
  });
  const all = params.map(fromTyped);
  const group = ownGroup(all);
  if (group === undefined || group !== (await aliasOf(host, domain, disk))) return all;
  return all.map((param) => (isNumber(param) ? param : { ...param, value: '' }));
}

/**
 * QEMU names the group of a disk without a configured group after the device name from libvirt: the alias of a SCSI,
 * SATA or IDE disk (`scsi0-0-0-0`, or the alias chosen by its owner), and a path of QEMU's own objects (`/machine/...`)
 * for virtio and USB. Seen with libvirt 9.0 and 12.9.
 */
async function aliasOf(host: StepHost, domain: StepDomain, disk: string): Promise<string | undefined> {
  const { xml } = await host.call('domainGetXmlDesc', { domain: handle(domain), flags: 0 });
  const root = parseDomainTree(`the XML of domain ${quoted(domain)}`, xml);
  return attr(child(targetElement(root, 'disk', disk), 'alias'), 'name');
}

/** For QEMU, a burst without a length lasts one second, and a length without a burst is rejected. */
function withLength(param: StepParam, all: ReadonlyMap<string, StepParam>): StepParam {
  const burst = /^(.*_max)_length$/.exec(param.field)?.[1];
  if (burst === undefined) return param;
  const bursts = all.get(burst);
  if (bursts === undefined || !limits(bursts)) return cleared(param);
  return limits(param) ? param : { ...param, value: '1' };
}

/** Omits automatic groups: an empty name is rejected, and an automatic name would become explicit. */
async function send(
  host: StepHost,
  { domain, disk }: StepOf<'blockIoTune'>,
  all: readonly StepParam[],
): Promise<void> {
  const named = ownGroup(all) !== undefined;
  const params = all.filter((param) => isNumber(param) || named).map(toTyped);
  await host.call('domainSetBlockIoTune', { domain: handle(domain), disk, params, flags: Impact.live });
}

const isNumber = ({ field }: StepParam): boolean => field !== GROUP;
const limits = (param: StepParam): boolean => isNumber(param) && String(param.value) !== '0';
const cleared = (param: StepParam): StepParam => ({ ...param, value: isNumber(param) ? '0' : '' });

/** The configured group; otherwise QEMU names one after the device, and without limits there is none. */
function ownGroup(params: readonly StepParam[]): string | undefined {
  if (!params.some(limits)) return undefined;
  const name = String(params.find(({ field }) => field === GROUP)?.value ?? '');
  return name === '' || name.startsWith('/machine/') || name.startsWith('drive-') ? undefined : name;
}

/** A total limit and limits for reads or writes exclude each other, including their dependent parameters. */
function excludedBy(field: string): string[] {
  const [, way, measure] = /^(total|read|write)_(bytes|iops)_sec/.exec(field) ?? [];
  if (way === undefined) return [];
  const others = way === 'total' ? ['read', 'write'] : ['total'];
  return others.flatMap((other) =>
    ['', '_max', '_max_length'].map((suffix) => `${other}_${measure}_sec${suffix}`),
  );
}
