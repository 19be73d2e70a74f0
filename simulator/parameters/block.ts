import { ErrorCode } from '../../libvirt/constants.ts';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import { attr, child, children, type Element, text, wholeNumber } from '../../model/xml.ts';
import { CallFailure } from '../call-failure.ts';
import { add, ensure, remove, setText } from '../xml/edit.ts';
import { type Field, type Group, invalidArgument } from './group.ts';

export function diskOf(domain: Element, target: string): Element | undefined {
  return children(child(domain, 'devices'), 'disk').find(
    (disk) => attr(child(disk, 'target'), 'dev') === target,
  );
}

const RATES = ['bytes', 'iops'].flatMap((what) =>
  ['total', 'read', 'write'].map((way) => `${way}_${what}_sec`),
);

function limit(field: string): Field {
  return {
    field,
    type: ParamType.ullong,
    unset: { live: 0, config: 0 },
    read: (domain, target) => wholeNumber(text(child(diskOf(domain, target), 'iotune', field))),
    write: (domain, target, value) => {
      const disk = diskOf(domain, target);
      if (disk === undefined) return;
      if (Number(value) === 0) remove(child(disk, 'iotune', field));
      else setText(ensure(disk, 'iotune', field), String(value));
    },
  };
}

/** QEMU's default throttle group of a disk with limits and no explicit group; never in a definition. */
function ownGroup(domain: Element, target: string): string | undefined {
  const disk = diskOf(domain, target);
  const alias = attr(child(disk, 'alias'), 'name');
  if (attr(domain, 'id') === undefined || alias === undefined) return undefined;
  if (children(child(disk, 'iotune')).length === 0) return undefined;
  switch (attr(child(disk, 'target'), 'bus')) {
    case 'virtio':
      return `/machine/peripheral/${alias}/virtio-backend`;
    case 'usb':
      return `/machine/peripheral/${alias}/${alias}.0/legacy[0]`;
    default:
      return alias;
  }
}

const groupName: Field = {
  field: 'group_name',
  type: ParamType.string,
  unset: { live: '', config: '' },
  read: (domain, target) =>
    text(child(diskOf(domain, target), 'iotune', 'group_name')) ?? ownGroup(domain, target),
  write: (domain, target, value) => {
    const disk = diskOf(domain, target);
    if (disk !== undefined) setText(ensure(disk, 'iotune', 'group_name'), String(value));
  },
};

/** virsh blkdeviotune, in the driver's order */
export const ioTune: Group = {
  fields: [
    ...RATES.map(limit),
    ...RATES.map((rate) => limit(`${rate}_max`)),
    limit('size_iops_sec'),
    groupName,
    ...RATES.map((rate) => limit(`${rate}_max_length`)),
  ],
  check: (domain, target, params) => {
    const given = (name: string): number => Number(params.find(({ field }) => field === name)?.value ?? 0);
    for (const what of ['bytes', 'iops']) {
      const parts = given(`read_${what}_sec`) > 0 || given(`write_${what}_sec`) > 0;
      if (given(`total_${what}_sec`) > 0 && parts) {
        throw invalidArgument(`total and read/write of ${what}_sec cannot be set at the same time`);
      }
    }
    const after = afterwards(domain, target, params);
    for (const rate of RATES) {
      const [plain, burst] = [after(rate), after(`${rate}_max`)];
      if (burst === 0) continue;
      if (plain === 0) throw unsupported(`cannot reset '${rate}' when '${rate}_max' is set`);
      if (burst < plain) throw unsupported(`value '${rate}_max' cannot be smaller than '${rate}'`);
    }
  },
};

/** Parameters that become unset: a total excludes the separate read and write limits of its kind, and vice versa. */
export function excludedBy(params: readonly TypedParam[]): string[] {
  const sets = (name: string): boolean => Number(params.find(({ field }) => field === name)?.value ?? 0) > 0;
  return ['bytes', 'iops'].flatMap((what) => {
    const [total, read, write] = [`total_${what}_sec`, `read_${what}_sec`, `write_${what}_sec`];
    if (sets(total)) return [read, write];
    return sets(read) || sets(write) ? [total] : [];
  });
}

function afterwards(
  domain: Element,
  target: string,
  params: readonly TypedParam[],
): (name: string) => number {
  const gone = excludedBy(params);
  return (name) => {
    const given = params.find(({ field }) => field === name)?.value;
    if (given !== undefined) return Number(given);
    return gone.includes(name) ? 0 : Number(limit(name).read(domain, target) ?? 0);
  };
}

function unsupported(message: string): CallFailure {
  return new CallFailure(ErrorCode.configUnsupported, `unsupported configuration: ${message}`, 10);
}

/** `/dev/vda,500,/dev/vdb,200` */
function perDevice(field: string, element: string): Field {
  return {
    field,
    type: ParamType.string,
    unset: { live: '', config: '' },
    read: (domain) => {
      const said = children(child(domain, 'blkiotune'), 'device').flatMap((device) => {
        const value = text(child(device, element));
        return value === undefined ? [] : [`${text(child(device, 'path'))},${value}`];
      });
      return said.length === 0 ? undefined : said.join(',');
    },
    write: (domain, _, value) => {
      const parts = String(value).split(',');
      for (let index = 0; index + 1 < parts.length; index += 2) {
        const [path = '', amount = ''] = parts.slice(index, index + 2);
        const tune = ensure(domain, 'blkiotune');
        const known = children(tune, 'device').find((device) => text(child(device, 'path')) === path);
        const device = known ?? add(tune, 'device');
        if (known === undefined) add(device, 'path', {}, path);
        if (Number(amount) === 0) remove(child(device, element));
        else setText(ensure(device, element), amount);
        // Remove a device without any remaining setting.
        if (children(device).length === 1) remove(device);
      }
    },
  };
}

const LIVE_WEIGHT = 100;

/** virsh blkiotune */
export const blkio: Group = {
  fields: [
    {
      field: 'weight',
      type: ParamType.uint,
      unset: { live: LIVE_WEIGHT, config: 0 },
      read: (domain) => wholeNumber(text(child(domain, 'blkiotune', 'weight'))),
      write: (domain, _, value) => {
        if (Number(value) === 0) remove(child(domain, 'blkiotune', 'weight'));
        else setText(ensure(domain, 'blkiotune', 'weight'), String(value));
      },
    },
    perDevice('device_weight', 'weight'),
    perDevice('device_read_iops_sec', 'read_iops_sec'),
    perDevice('device_write_iops_sec', 'write_iops_sec'),
    perDevice('device_read_bytes_sec', 'read_bytes_sec'),
    perDevice('device_write_bytes_sec', 'write_bytes_sec'),
  ],
};
