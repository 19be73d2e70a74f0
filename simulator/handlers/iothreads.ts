import { ErrorCode } from '../../libvirt/constants.ts';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import { attr, child, children, type Element } from '../../model/xml.ts';
import { CallFailure } from '../call-failure.ts';
import type { Description } from '../description.ts';
import { checkParams, invalidArgument, type Known, notValid } from '../parameters/group.ts';
import { knows, type Release } from '../release.ts';
import type { PollAttribute } from '../vm-facts.ts';
import { ioThreadIds } from '../xml/cpu-tune.ts';
import { add, ensure, remove, setAttr, setText } from '../xml/edit.ts';
import { find, type Handlers } from './context.ts';
import { affected, editEach } from './impact.ts';

const PARAMS: readonly Known[] = [
  { field: 'poll_max_ns', type: ParamType.ullong },
  { field: 'poll_grow', type: ParamType.uint },
  { field: 'poll_shrink', type: ParamType.uint },
  { field: 'thread_pool_min', type: ParamType.int },
  { field: 'thread_pool_max', type: ParamType.int },
];
const WIDE: readonly Known[] = PARAMS.map((known) =>
  known.type === ParamType.uint ? { ...known, wider: ParamType.ullong } : known,
);
const WEIGHT: Known = { field: 'poll_weight', type: ParamType.uint };

function paramsOf(release: Release): readonly Known[] {
  return [
    ...(knows(release, 'takesWidePolling') ? WIDE : PARAMS),
    ...(knows(release, 'pollWeight') ? [WEIGHT] : []),
  ];
}

/** The attribute of `<poll>` for each parameter. */
const POLLS: Readonly<Record<string, PollAttribute>> = {
  poll_max_ns: 'max',
  poll_grow: 'grow',
  poll_shrink: 'shrink',
  poll_weight: 'weight',
};
const POOL = ['thread_pool_min', 'thread_pool_max'] as const;

/** Writes an explicit list of ids in place of the count. */
export function writeIds(domain: Element): void {
  const ids = ioThreadIds(domain);
  const list = ensure(domain, 'iothreadids');
  if (children(list, 'iothread').length === 0) for (const id of ids) add(list, 'iothread', { id });
}

function ioThreadOf(domain: Element, id: number): Element | undefined {
  return children(child(domain, 'iothreadids'), 'iothread').find((each) => attr(each, 'id') === String(id));
}

/** The device that uses an iothread, in libvirt's words. */
function userOf(domain: Element, id: number): string | undefined {
  const devices = child(domain, 'devices');
  const uses = (device: Element): boolean => {
    const driver = child(device, 'driver');
    const mapped = children(child(driver, 'iothreads'), 'iothread').map((each) => attr(each, 'id'));
    return [attr(driver, 'iothread'), ...mapped].includes(String(id));
  };
  const disk = children(devices, 'disk').find(uses);
  if (disk !== undefined) return `disk '${attr(child(disk, 'target'), 'dev')}'`;
  const controller = children(devices, 'controller').find(uses);
  return controller && `controller '${attr(controller, 'index')}'`;
}

function poolValue(description: Description, id: number, name: (typeof POOL)[number]): number | undefined {
  const said = attr(ioThreadOf(description.read(), id), name);
  return said === undefined ? undefined : Number(said);
}

/**
 * libvirt compares the two before it asks QEMU, with -1 for a value that was never set (qemuDomainIOThreadValidate).
 */
function checkPool(description: Description, id: number, params: readonly TypedParam[]): void {
  const value = (name: (typeof POOL)[number]): number | undefined => {
    const given = params.find(({ field }) => field === name)?.value;
    return given === undefined ? poolValue(description, id, name) : Number(given);
  };
  const [least, most] = [value('thread_pool_min') ?? -1, value('thread_pool_max') ?? -1];
  if (least > most) {
    throw notValid(`thread_pool_min (${least}) can't be greater than thread_pool_max (${most})`);
  }
}

export const ioThreadHandlers: Handlers = {
  domainAddIoThread(context, { domain, ioThreadId, flags }) {
    const vm = find(context, domain);
    if (ioThreadId === 0) throw invalidArgument('invalid value of 0 for iothread_id');
    const targets = affected(vm, flags);
    for (const description of [targets.live, targets.config]) {
      if (description?.facts.ioThreads.includes(ioThreadId) === true)
        throw invalidArgument(`an IOThread is already using iothread_id '${ioThreadId}'`, 20);
    }
    editEach(targets, (root) => {
      writeIds(root);
      add(ensure(root, 'iothreadids'), 'iothread', { id: ioThreadId });
      setText(ensure(root, 'iothreads'), ioThreadIds(root).length);
    });
    return undefined;
  },
  domainDelIoThread(context, { domain, ioThreadId, flags }) {
    const targets = affected(find(context, domain), flags);
    for (const description of [targets.live, targets.config]) {
      if (description === undefined) continue;
      if (!description.facts.ioThreads.includes(ioThreadId))
        throw invalidArgument(`cannot find IOThread '${ioThreadId}' in iothreadids list`, 20);
      const user = userOf(description.read(), ioThreadId);
      if (user !== undefined)
        throw invalidArgument(`cannot remove IOThread ${ioThreadId} since it is being used by ${user}`, 20);
    }
    editEach(targets, (root) => {
      writeIds(root);
      remove(ioThreadOf(root, ioThreadId));
      for (const pin of children(child(root, 'cputune'), 'iothreadpin'))
        if (attr(pin, 'iothread') === String(ioThreadId)) remove(pin);
      const left = children(child(root, 'iothreadids'), 'iothread').length;
      if (left === 0) remove(child(root, 'iothreads'));
      else setText(ensure(root, 'iothreads'), left);
    });
    return undefined;
  },
  domainSetIoThreadParams(context, { domain, ioThreadId, params, flags }) {
    const vm = find(context, domain);
    const { release } = context.host;
    checkParams(params, paramsOf(release));
    const stored = knows(release, 'storedIoThreadPolling');
    const { live, config } = affected(vm, flags);
    const polls = params.filter(({ field }) => field.startsWith('poll_'));
    if (config !== undefined && polls.length > 0 && !stored) {
      throw new CallFailure(
        ErrorCode.operationUnsupported,
        'Operation not supported: configuring persistent polling values is not supported',
      );
    }
    for (const description of [live, config]) {
      if (description === undefined) continue;
      if (!description.facts.ioThreads.includes(ioThreadId))
        throw invalidArgument(`cannot find IOThread '${ioThreadId}' in iothreadids`);
      checkPool(description, ioThreadId, params);
    }
    if (!stored)
      for (const { field, value } of polls) vm.setPolling(ioThreadId, POLLS[field] ?? 'max', Number(value));
    const pool = params.filter(({ field }) => field.startsWith('thread_pool'));
    // When polling is set too, libvirt 9.0 changes the pool in QEMU only, and leaves the XML unchanged.
    const writesPool = pool.length > 0 && (stored || polls.length === 0);
    if (!writesPool && !(stored && polls.length > 0)) return undefined;
    editEach({ live, config }, (root) => {
      writeIds(root);
      const thread = ioThreadOf(root, ioThreadId);
      if (thread === undefined) return;
      for (const { field, value } of writesPool ? pool : [])
        setAttr(thread, field, Number(value) < 0 ? undefined : String(value));
      for (const { field, value } of stored ? polls : [])
        setAttr(ensure(thread, 'poll'), POLLS[field] ?? 'max', String(value));
    });
    return undefined;
  },
};
