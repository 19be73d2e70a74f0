import { kibToBytes, nsToSeconds } from '../units.ts';
import { flag, type Group, scaled } from './metric.ts';

/** Names: what Tinkoff's and inovex's exporters agree on is kept. */
export const domainGroup = {
  name: 'domain',
  help: 'State, CPU time, memory and vCPUs of each VM, also of one whose QEMU hangs.',
  byDefault: true,
  costs: 'Two calls a VM that touch no monitor, and four filtered lists.',
  metrics: [
    {
      per: 'summary',
      type: 'gauge',
      name: 'libvirt_domain_info_state_reason',
      help: "Why the domain is in its state, by libvirt's number for that state (virDomain*Reason).",
      read: (domain) => domain.reason,
    },
    {
      per: 'summary',
      type: 'gauge',
      name: 'libvirt_domain_info_maximum_memory_bytes',
      help: 'Memory that the domain may have at most, in bytes.',
      read: (domain) => scaled(domain.maximumKiB, kibToBytes),
    },
    {
      per: 'summary',
      type: 'gauge',
      name: 'libvirt_domain_info_memory_usage_bytes',
      help: 'Memory that the domain is given now, in bytes: its allocation, not what the guest uses of it.',
      read: (domain) => scaled(domain.memoryKiB, kibToBytes),
    },
    {
      per: 'summary',
      type: 'gauge',
      name: 'libvirt_domain_info_virtual_cpus',
      help: 'vCPUs that the domain has now.',
      read: (domain) => domain.vcpus,
    },
    {
      per: 'summary',
      type: 'counter',
      name: 'libvirt_domain_info_cpu_time_seconds_total',
      help: 'CPU time of all threads of the domain, in seconds.',
      read: (domain) => scaled(domain.cpuTimeNs, nsToSeconds),
    },
    {
      per: 'summary',
      type: 'counter',
      name: 'libvirt_domain_info_cpu_user_seconds_total',
      help: "CPU time of the domain's threads in user mode, guest code included, in seconds.",
      needs: "a CPU accounting cgroup for each VM, as libvirt's own service sets up",
      read: (domain) => scaled(domain.userNs, nsToSeconds),
    },
    {
      per: 'summary',
      type: 'counter',
      name: 'libvirt_domain_info_cpu_system_seconds_total',
      help: "CPU time of the domain's threads in the host's kernel, in seconds.",
      needs: "a CPU accounting cgroup for each VM, as libvirt's own service sets up",
      read: (domain) => scaled(domain.systemNs, nsToSeconds),
    },
    {
      per: 'summary',
      type: 'gauge',
      name: 'libvirt_domain_persistent',
      help: '1 when the domain is defined and stays known once it stops.',
      read: (domain) => flag(domain.marks?.persistent),
    },
    {
      per: 'summary',
      type: 'gauge',
      name: 'libvirt_domain_autostart',
      help: '1 when the domain starts with the host.',
      read: (domain) => flag(domain.marks?.autostart),
    },
    {
      per: 'summary',
      type: 'gauge',
      name: 'libvirt_domain_managed_save',
      help: '1 when a saved state waits from which the domain would start.',
      read: (domain) => flag(domain.marks?.managedSave),
    },
    {
      per: 'summary',
      type: 'gauge',
      name: 'libvirt_domain_has_snapshot',
      help: '1 when the domain has at least one snapshot that libvirt knows of.',
      read: (domain) => flag(domain.marks?.hasSnapshot),
    },
    {
      per: 'identity',
      type: 'info',
      name: 'libvirt_domain_info',
      help: 'What the domain is; its UUID, which stays when it is renamed.',
      labels: {
        uuid: ({ uuid }) => uuid,
        os_type: ({ facts }) => facts?.os.type,
        os_type_arch: ({ facts }) => facts?.os.arch,
        os_type_machine: ({ facts }) => facts?.os.machine,
      },
    },
  ],
} as const satisfies Group;
