import type { DiskInfoMetric, DomainInfoMetric, InterfaceInfoMetric } from './metric.ts';

/** Slow facts as labels of a series of their own, to be joined; figures carry only what identifies them. */
export const domainInfoMetrics = [
  {
    per: 'domain-info',
    type: 'info',
    name: 'libvirt_domain_info',
    help: 'What the domain is; its UUID, which stays when it is renamed.',
    read: ({ uuid, facts }) => ({
      uuid,
      os_type: facts?.os.type,
      os_type_arch: facts?.os.arch,
      os_type_machine: facts?.os.machine,
    }),
  },
  {
    per: 'domain-info',
    type: 'info',
    name: 'libvirt_domain_openstack_info',
    help: "OpenStack's own names for the domain, from the metadata that Nova writes.",
    read: ({ facts }) =>
      facts?.nova && {
        instance_name: facts.nova.instanceName,
        flavor_name: facts.nova.flavor,
        user_name: facts.nova.userName,
        user_id: facts.nova.userUuid,
        project_name: facts.nova.projectName,
        project_id: facts.nova.projectUuid,
        root_type: facts.nova.rootType,
        root_id: facts.nova.rootUuid,
      },
  },
] as const satisfies readonly DomainInfoMetric[];

export const diskInfoMetrics = [
  {
    per: 'disk-info',
    type: 'info',
    name: 'libvirt_domain_block_stats_info',
    help: 'What a disk is, where it lives and how the host caches it.',
    read: (disk) => ({
      target_device: disk.target,
      device: disk.device,
      bus: disk.bus,
      disk_type: disk.source?.kind,
      source_file: disk.source?.name,
      driver_type: disk.format,
      cache: disk.cache,
      io: disk.io,
      discard: disk.discard,
      serial: disk.serial,
    }),
  },
] as const satisfies readonly DiskInfoMetric[];

export const interfaceInfoMetrics = [
  {
    per: 'interface-info',
    type: 'info',
    name: 'libvirt_domain_interface_stats_info',
    help: 'What a network interface is and what it hangs on.',
    read: (nic) => ({
      target_device: nic.target,
      interface_type: nic.type,
      source_bridge: nic.source,
      mac_address: nic.mac,
      model_type: nic.model,
      mtu_size: nic.mtu?.toString(),
      virtual_interface: nic.virtualPort,
    }),
  },
] as const satisfies readonly InterfaceInfoMetric[];
