import { ErrorCode } from '../../libvirt/constants.ts';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import { CallFailure, unavailableNode } from '../call-failure.ts';
import { bandwidth, nicOf } from '../parameters/bandwidth.ts';
import { blkio, diskOf, excludedBy, ioTune } from '../parameters/block.ts';
import { checkParams, type Group, invalidArgument } from '../parameters/group.ts';
import { memory, numa } from '../parameters/memory.ts';
import { scheduler } from '../parameters/scheduler.ts';
import { find, type HandlerContext, type Handlers } from './context.ts';
import { affected, editEach, looked } from './impact.ts';

/** VIR_TYPED_PARAM_STRING_OKAY: without it, strings are omitted. */
const STRING_OKAY = 4;
/** REMOTE_DOMAIN_*_PARAMETERS_MAX */
const PARAMS_MAX = 16;
/** REMOTE_DOMAIN_BLOCK_IO_TUNE_PARAMETERS_MAX */
const IO_TUNE_PARAMS_MAX = 32;

interface SetArgs {
  readonly domain: Domain;
  readonly params: readonly TypedParam[];
  readonly flags: number;
}

interface GetArgs {
  readonly domain: Domain;
  readonly nparams: number;
  readonly flags: number;
}

/** Sets the parameters of one group, all or none. */
function set(
  context: HandlerContext,
  { domain, params, flags }: SetArgs,
  group: Group,
  target = '',
): boolean {
  const vm = find(context, domain);
  checkParams(params, group.fields);
  const targets = affected(vm, flags);
  for (const description of [targets.live, targets.config]) {
    if (description !== undefined)
      group.check?.(description.read(), target, params, description === targets.live);
  }
  editEach(targets, (root) => {
    for (const field of group.fields) {
      const param = params.find((each) => each.field === field.field);
      if (param !== undefined) field.write(root, target, param.value);
    }
  });
  return targets.live !== undefined;
}

/** Getter convention: with nparams 0 only the count is returned, otherwise the values. */
function get(
  context: HandlerContext,
  { domain, nparams, flags }: GetArgs,
  group: Group,
  target = '',
  most = PARAMS_MAX,
): { params: readonly TypedParam[]; nparams: number } {
  if (nparams > most) throw new CallFailure(ErrorCode.internal, 'internal error: nparams too large', 7);
  const { description, isLive } = looked(find(context, domain), flags & 3);
  if (nparams === 0) return { params: [], nparams: group.fields.length };
  const root = description.read();
  const params = group.fields
    .filter(({ type }) => type !== ParamType.string || (flags & STRING_OKAY) !== 0)
    .slice(0, nparams)
    .map(({ field, type, read, unset }) => ({
      field,
      type,
      value: read(root, target) ?? unset[isLive ? 'live' : 'config'],
    }));
  return { params, nparams: 0 };
}

function tuned(context: HandlerContext, domain: Domain, prefix: string, params: readonly TypedParam[]): void {
  const vm = find(context, domain);
  context.emit('tunable', {
    domain: vm.domain,
    params: params.map((param) => ({ ...param, field: `${prefix}.${param.field}` })),
  });
}

function requireDisk(context: HandlerContext, domain: Domain, target: string, flags: number): void {
  const { live, config } = affected(find(context, domain), flags & 3);
  if (live !== undefined && diskOf(live.read(), target) === undefined)
    throw invalidArgument(`disk '${target}' not found in domain`);
  if (config !== undefined && diskOf(config.read(), target) === undefined)
    throw invalidArgument(`missing persistent configuration for disk '${target}'`);
}

function requireNic(context: HandlerContext, domain: Domain, device: string, flags: number): void {
  const { live, config } = affected(find(context, domain), flags & 3);
  for (const description of [live, config]) {
    if (description !== undefined && nicOf(description.read(), device) === undefined)
      throw invalidArgument(`'${device}' is not a known interface`, 20);
  }
}

export const parameterHandlers: Handlers = {
  domainGetSchedulerType: (context, { domain }) => {
    find(context, domain);
    return { type: 'posix', nparams: scheduler.fields.length };
  },
  domainSetSchedulerParametersFlags(context, args) {
    if (set(context, args, scheduler)) tuned(context, args.domain, 'cputune', args.params);
    return undefined;
  },
  domainGetSchedulerParametersFlags(context, args) {
    if (args.nparams === 0) {
      throw new CallFailure(
        ErrorCode.invalidArg,
        'params in virDomainGetSchedulerParametersFlags must not be NULL',
        20,
      );
    }
    return { params: get(context, args, scheduler).params };
  },
  domainSetMemoryParameters(context, args) {
    set(context, args, memory);
    return undefined;
  },
  domainGetMemoryParameters: (context, args) => get(context, args, memory),
  domainSetNumaParameters(context, args) {
    const nodeset = args.params.find(({ field }) => field === 'numa_nodeset')?.value;
    set(
      context,
      args,
      // Whether the cells exist is checked last, and only for the live domain.
      {
        ...numa,
        check: (domain, target, params, live) => {
          numa.check?.(domain, target, params, live);
          if (live && nodeset !== undefined) requireNodes(context, CpuSet.parse(String(nodeset)));
        },
      },
    );
    return undefined;
  },
  domainGetNumaParameters: (context, args) => get(context, args, numa),
  domainSetBlockIoTune(context, { disk, ...args }) {
    checkParams(args.params, ioTune.fields);
    requireDisk(context, args.domain, disk, args.flags);
    const gone = excludedBy(args.params)
      .filter((field) => !args.params.some((each) => each.field === field))
      .map((field) => ({ field, type: ParamType.ullong, value: 0 }));
    const params = [...args.params, ...gone];
    if (set(context, { ...args, params }, ioTune, disk))
      tuned(context, args.domain, 'blkdeviotune', args.params);
    return undefined;
  },
  domainGetBlockIoTune(context, { disk, ...args }) {
    if (disk !== undefined) requireDisk(context, args.domain, disk, args.flags);
    return get(context, args, ioTune, disk, IO_TUNE_PARAMS_MAX);
  },
  domainSetBlkioParameters(context, args) {
    set(context, args, blkio);
    return undefined;
  },
  domainGetBlkioParameters: (context, args) => get(context, args, blkio),
  domainSetInterfaceParameters(context, { device, ...args }) {
    checkParams(args.params, bandwidth.fields);
    requireNic(context, args.domain, device, args.flags);
    set(context, args, bandwidth, device);
    return undefined;
  },
  domainGetInterfaceParameters(context, { device, ...args }) {
    requireNic(context, args.domain, device, args.flags);
    return get(context, args, bandwidth, device);
  },
};

function requireNodes({ host }: HandlerContext, cells: CpuSet): void {
  const missing = [...cells].find((cell) => host.cells[cell] === undefined);
  if (missing !== undefined) throw unavailableNode(missing);
}
