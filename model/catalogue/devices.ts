import type { MemoryDevice } from '../domain/memory-devices.ts';
import { kibToBytes } from '../units.ts';
import type { Group, Point } from './metric.ts';

/** Separate from the figures of disks and NICs, as it is available without them, e.g. when QEMU hangs. */
export const devicesGroup = {
  name: 'devices',
  help: 'Configuration of disks, NICs and memory devices from the XML, and failed disks.',
  byDefault: true,
  costs: 'None: the XML is read anyway; one monitor command for a VM that an I/O error has paused.',
  metrics: [
    {
      per: 'disk',
      type: 'info',
      name: 'libvirt_domain_block_stats_info',
      help: 'Source, bus, format and cache mode of a disk.',
      labels: {
        device: (disk) => disk.device,
        bus: (disk) => disk.bus,
        disk_type: (disk) => disk.source?.kind,
        source_file: (disk) => disk.source?.name,
        driver_type: (disk) => disk.format,
        cache: (disk) => disk.cache,
        io: (disk) => disk.io,
        discard: (disk) => disk.discard,
        detect_zeroes: (disk) => disk.detectZeroes,
        serial: (disk) => disk.serial,
        alias: (disk) => disk.alias,
      },
    },
    {
      per: 'nic',
      type: 'info',
      name: 'libvirt_domain_interface_stats_info',
      help: "Model and source of a network interface. target_device is the device on the host, or libvirt's alias, or the MAC address; current_mac_address is the address that the guest has set instead (libvirt 11.2): each change is a new series.",
      labels: {
        interface_type: (nic) => nic.type,
        source_bridge: (nic) => nic.source,
        mac_address: (nic) => nic.mac,
        current_mac_address: (nic) => nic.currentMac,
        model_type: (nic) => nic.model,
        mtu_size: (nic) => nic.mtu?.toString(),
        virtual_interface: (nic) => nic.virtualPort,
        alias: (nic) => nic.alias,
      },
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_memory_device_bytes',
      help: 'Size of the memory devices of a domain by model and guest cell, in bytes: size, and for virtio-mem the requested size and the size plugged by the guest.',
      labels: ['model', 'guest_cell', 'kind'],
      needs: '<memory> devices in the XML',
      when: ({ memory }) => memory.devices !== undefined && memory.devices.length > 0,
      points: ({ memory }) => memoryDevicePoints(memory.devices ?? []),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_failed',
      help: '1 for each disk whose error paused the domain: no_space, or unspecified for any other.',
      labels: ['target_device', 'error'],
      needs: 'a domain that is paused by an I/O error',
      when: ({ diskErrors }) => diskErrors !== undefined,
      points: ({ diskErrors }): Point[] => [...(diskErrors ?? [])].map(([disk, kind]) => [[disk, kind], 1]),
    },
  ],
} as const satisfies Group;

const SIZES = [
  ['size', ({ sizeKiB }: MemoryDevice) => sizeKiB],
  ['requested', ({ requestedKiB }: MemoryDevice) => requestedKiB],
  ['plugged', ({ pluggedKiB }: MemoryDevice) => pluggedKiB],
] as const;

/** Sums, so that a VM with 200 DIMMs has as many series as one with two. */
function memoryDevicePoints(devices: readonly MemoryDevice[]): Point[] {
  const sums = new Map<string, Point>();
  for (const device of devices) {
    for (const [kind, read] of SIZES) {
      const sizeKiB = read(device);
      if (sizeKiB === undefined) continue;
      const values = [device.model, String(device.guestCell ?? ''), kind];
      const key = values.join(' ');
      sums.set(key, [values, (sums.get(key)?.[1] ?? 0) + kibToBytes(sizeKiB)]);
    }
  }
  return [...sums.values()];
}
