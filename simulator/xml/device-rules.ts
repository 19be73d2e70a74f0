import { attr, child, children, type Element, text, wholeNumber } from '../../model/xml.ts';
import { knows, type Release } from '../release.ts';
import { ioThreadIds } from './cpu-tune.ts';
import { type Rule, UNSUPPORTED, UNSUPPORTED_BY_QEMU, XML_ERROR } from './rule.ts';

type DeviceCheck = (device: Element, domain: Element) => string | undefined;

const HYPERV = [
  ...['relaxed', 'vapic', 'spinlocks', 'vpindex', 'runtime', 'synic', 'stimer', 'reset', 'vendor_id'],
  ...['frequencies', 'reenlightenment', 'tlbflush', 'ipi', 'evmcs', 'avic'],
];
/** Dependencies between enlightenments, in the order in which libvirt 11.9 and newer check them. */
const NEEDS: readonly (readonly [name: string, needs: string])[] = [
  ['stimer', 'synic'],
  ['tlbflush', 'vpindex'],
  ['ipi', 'vpindex'],
  ['evmcs', 'vapic'],
];
const FEATURES = [
  ...['acpi', 'apic', 'pae', 'hap', 'viridian', 'privnet', 'hyperv', 'kvm', 'pvspinlock', 'capabilities'],
  ...['pmu', 'vmport', 'gic', 'smm', 'ioapic', 'hpt', 'vmcoreinfo', 'htm', 'nested-hv', 'msrs', 'tcg'],
];

const each =
  (name: string, check: DeviceCheck): Rule[1] =>
  (domain) => {
    for (const device of children(child(domain, 'devices'), name)) {
      const said = check(device, domain);
      if (said !== undefined) return said;
    }
    return undefined;
  };

const driver = (device: Element, name: string): string | undefined => attr(child(device, 'driver'), name);
const target = (disk: Element): string => attr(child(disk, 'target'), 'dev') ?? '';
/** Inferred from the name when not set, as in libvirt. */
const bus = (disk: Element): string =>
  attr(child(disk, 'target'), 'bus') ?? (target(disk).startsWith('vd') ? 'virtio' : 'other');

export const deviceRules: readonly Rule[] = [
  [
    UNSUPPORTED,
    (domain) => {
      const odd = children(child(domain, 'features')).find(({ nodeName }) => !FEATURES.includes(nodeName));
      return odd === undefined ? undefined : `unexpected feature '${odd.nodeName}'`;
    },
  ],
  [
    UNSUPPORTED,
    (domain) => {
      const odd = children(child(domain, 'features', 'hyperv')).find(
        ({ nodeName }) => !HYPERV.includes(nodeName),
      );
      return odd === undefined ? undefined : `unsupported HyperV Enlightenment feature: ${odd.nodeName}`;
    },
  ],
  [UNSUPPORTED_BY_QEMU, missingEnlightenment],
  [
    XML_ERROR,
    each('disk', (disk, domain) => {
      const groups = children(child(domain, 'throttlegroups')).map((group) =>
        text(child(group, 'group_name')),
      );
      const missing = children(child(disk, 'throttlefilters'))
        .map((filter) => attr(filter, 'group'))
        .find((name) => !groups.includes(name));
      return missing === undefined ? undefined : `throttle group '${missing}' not found`;
    }),
  ],
  [
    XML_ERROR,
    (domain) => {
      const spinlocks = child(domain, 'features', 'hyperv', 'spinlocks');
      if (attr(spinlocks, 'state') !== 'on') return undefined;
      const retries = attr(spinlocks, 'retries');
      if (retries === undefined) return "Missing required attribute 'retries' in element 'spinlocks'";
      return Number(retries) < 4_095 ? 'HyperV spinlock retry count must be at least 4095' : undefined;
    },
  ],
  [
    XML_ERROR,
    (domain) => {
      const disks = children(child(domain, 'devices'), 'disk');
      const second = disks.find(
        (disk, index) => disks.findIndex((other) => target(other) === target(disk)) < index,
      );
      return second === undefined ? undefined : `target '${target(second)}' duplicated for disk sources`;
    },
  ],
  [
    UNSUPPORTED_BY_QEMU,
    each('disk', (disk) =>
      driver(disk, 'io') === 'native' && !['none', 'directsync'].includes(driver(disk, 'cache') ?? '')
        ? "io='native' needs either no disk cache or directsync cache mode"
        : undefined,
    ),
  ],
  [
    UNSUPPORTED_BY_QEMU,
    each('disk', (disk, domain) => {
      const thread = driver(disk, 'iothread');
      if (thread === undefined) return undefined;
      if (bus(disk) !== 'virtio')
        return `IOThreads not available for bus ${bus(disk)} target ${target(disk)}`;
      const count = wholeNumber(text(child(domain, 'iothreads'))) ?? 0;
      return ioThreadIds(domain).includes(Number(thread)) || Number(thread) <= count
        ? undefined
        : `Disk iothread '${thread}' not defined in iothreadid`;
    }),
  ],
  [
    UNSUPPORTED,
    each('disk', (disk) =>
      Number(driver(disk, 'queues') ?? 0) > 0 && bus(disk) !== 'virtio'
        ? 'queues attribute in disk driver element is only supported by virtio-blk'
        : undefined,
    ),
  ],
  [
    UNSUPPORTED_BY_QEMU,
    each('disk', (disk) =>
      bus(disk) === 'virtio' && attr(child(disk, 'address'), 'type') === 'drive'
        ? "virtio disk cannot have an address of type 'drive'"
        : undefined,
    ),
  ],
  [
    UNSUPPORTED,
    each('disk', (disk) => {
      const type = attr(child(disk, 'address'), 'type');
      return ['sata', 'scsi', 'ide'].includes(bus(disk)) && type !== undefined && type !== 'drive'
        ? `Invalid address type '${type}' for the disk '${target(disk)}' with the bus type '${bus(disk)}'`
        : undefined;
    }),
  ],
  [
    XML_ERROR,
    each('disk', (disk) => {
      const set = (name: string): boolean => (wholeNumber(text(child(disk, 'iotune', name))) ?? 0) > 0;
      const both = ['bytes', 'iops'].find(
        (what) => set(`total_${what}_sec`) && (set(`read_${what}_sec`) || set(`write_${what}_sec`)),
      );
      return both === undefined
        ? undefined
        : `total and read/write ${both}_sec cannot be set at the same time`;
    }),
  ],
  [
    UNSUPPORTED,
    each('disk', (disk) =>
      attr(disk, 'type') === 'vhostuser' && children(child(disk, 'iotune')).length > 0
        ? 'iotune is not supported with vhostuser disk'
        : undefined,
    ),
  ],
  [
    XML_ERROR,
    each('controller', (controller) => {
      const virtio = (attr(controller, 'model') ?? '').startsWith('virtio');
      return attr(controller, 'type') === 'scsi' && !virtio && driver(controller, 'iothread') !== undefined
        ? "'iothread' attribute only supported for virtio scsi controllers"
        : undefined;
    }),
  ],
  ...['rx_queue_size', 'tx_queue_size'].map(
    (name): Rule => [
      UNSUPPORTED_BY_QEMU,
      each('interface', (nic) => {
        const size = Number(driver(nic, name) ?? 0);
        return size > 0 && (size & (size - 1)) !== 0 ? `${name} has to be a power of two` : undefined;
      }),
    ],
  ),
];

function missingEnlightenment(domain: Element, release: Release): string | undefined {
  if (!knows(release, 'hypervDependencies')) return undefined;
  const hyperv = child(domain, 'features', 'hyperv');
  const isOn = (name: string): boolean => attr(child(hyperv, name), 'state') === 'on';
  const hasClock = children(child(domain, 'clock'), 'timer').some(
    (timer) => attr(timer, 'name') === 'hypervclock' && attr(timer, 'present') === 'yes',
  );
  if (isOn('stimer') && !hasClock) return "'stimer' hyperv feature requires 'hypervclock' timer";
  const missing = NEEDS.find(([name, needs]) => isOn(name) && !isOn(needs));
  return missing && `'${missing[0]}' hyperv feature requires '${missing[1]}' feature`;
}
