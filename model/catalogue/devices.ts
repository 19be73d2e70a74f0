import type { Group, Point } from './metric.ts';

/** Apart from the figures of disks and NICs: it is there when these are not, of a VM whose QEMU hangs for instance. */
export const devicesGroup = {
  name: 'devices',
  help: 'Configuration of disks and NICs from the XML, and failed disks.',
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
      help: "Model and source of a network interface. target_device is the device on the host, or libvirt's alias, or the MAC address.",
      labels: {
        interface_type: (nic) => nic.type,
        source_bridge: (nic) => nic.source,
        mac_address: (nic) => nic.mac,
        model_type: (nic) => nic.model,
        mtu_size: (nic) => nic.mtu?.toString(),
        virtual_interface: (nic) => nic.virtualPort,
        alias: (nic) => nic.alias,
      },
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_failed',
      help: '1 for each disk whose error paused the domain: no_space, or unspecified for any other.',
      labels: ['target_device', 'error'],
      needs: 'a domain that is paused by an I/O error',
      points: ({ diskErrors }): Point[] => [...(diskErrors ?? [])].map(([disk, kind]) => [[disk, kind], 1]),
    },
  ],
} as const satisfies Group;
