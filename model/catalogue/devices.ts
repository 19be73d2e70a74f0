import { nsToSeconds } from '../units.ts';
import { type BlockMetric, type NetMetric, scaled, type VcpuMetric } from './metric.ts';

/** Label `vcpu`: its id. */
export const vcpuMetrics = [
  {
    per: 'vcpu',
    type: 'gauge',
    name: 'libvirt_domain_vcpu_state',
    help: 'State of the vCPU: 0 offline, 1 running, 2 blocked.',
    read: (vcpu) => vcpu.state,
  },
  {
    per: 'vcpu',
    type: 'counter',
    name: 'libvirt_domain_vcpu_time_seconds_total',
    help: 'Time that the vCPU ran, in seconds.',
    read: (vcpu) => scaled(vcpu.timeNs, nsToSeconds),
  },
  {
    per: 'vcpu',
    type: 'counter',
    name: 'libvirt_domain_vcpu_wait_seconds_total',
    help: 'Time that the vCPU waited for I/O, in seconds; stays 0 on a kernel without scheduler statistics.',
    read: (vcpu) => scaled(vcpu.waitNs, nsToSeconds),
  },
  {
    per: 'vcpu',
    type: 'counter',
    name: 'libvirt_domain_vcpu_delay_seconds_total',
    help: 'Time that the vCPU could have run but got no CPU, in seconds: what the guest sees as steal.',
    read: (vcpu) => scaled(vcpu.delayNs, nsToSeconds),
  },
  {
    per: 'vcpu',
    type: 'gauge',
    name: 'libvirt_domain_vcpu_halted',
    help: '1 while the guest has halted the vCPU.',
    read: (vcpu) => (vcpu.halted === undefined ? undefined : Number(vcpu.halted)),
  },
] as const satisfies readonly VcpuMetric[];

/** Label `target_device`: the disk's target, `vda`. */
export const blockMetrics = [
  {
    per: 'block',
    type: 'counter',
    name: 'libvirt_domain_block_stats_read_bytes_total',
    help: 'Bytes read.',
    read: (block) => block.readBytes,
  },
  {
    per: 'block',
    type: 'counter',
    name: 'libvirt_domain_block_stats_read_requests_total',
    help: 'Read requests.',
    read: (block) => block.readRequests,
  },
  {
    per: 'block',
    type: 'counter',
    name: 'libvirt_domain_block_stats_read_time_seconds_total',
    help: 'Time spent on reads, in seconds.',
    read: (block) => scaled(block.readNs, nsToSeconds),
  },
  {
    per: 'block',
    type: 'counter',
    name: 'libvirt_domain_block_stats_write_bytes_total',
    help: 'Bytes written.',
    read: (block) => block.writeBytes,
  },
  {
    per: 'block',
    type: 'counter',
    name: 'libvirt_domain_block_stats_write_requests_total',
    help: 'Write requests.',
    read: (block) => block.writeRequests,
  },
  {
    per: 'block',
    type: 'counter',
    name: 'libvirt_domain_block_stats_write_time_seconds_total',
    help: 'Time spent on writes, in seconds.',
    read: (block) => scaled(block.writeNs, nsToSeconds),
  },
  {
    per: 'block',
    type: 'counter',
    name: 'libvirt_domain_block_stats_flush_requests_total',
    help: 'Flush requests.',
    read: (block) => block.flushRequests,
  },
  {
    per: 'block',
    type: 'counter',
    name: 'libvirt_domain_block_stats_flush_time_seconds_total',
    help: 'Time spent on flushes, in seconds.',
    read: (block) => scaled(block.flushNs, nsToSeconds),
  },
  {
    per: 'block',
    type: 'counter',
    name: 'libvirt_domain_block_stats_errors_total',
    help: 'Requests that failed.',
    read: (block) => block.errors,
  },
  {
    per: 'block',
    type: 'gauge',
    name: 'libvirt_domain_block_stats_allocation_bytes',
    help: 'Offset of the highest byte written, in bytes.',
    read: (block) => block.allocationBytes,
  },
  {
    per: 'block',
    type: 'gauge',
    name: 'libvirt_domain_block_stats_capacity_bytes',
    help: 'Size that the guest sees, in bytes.',
    read: (block) => block.capacityBytes,
  },
  {
    per: 'block',
    type: 'gauge',
    name: 'libvirt_domain_block_stats_physical_bytes',
    help: 'Size of the image on the host, in bytes.',
    read: (block) => block.physicalBytes,
  },
  {
    per: 'block',
    type: 'gauge',
    name: 'libvirt_domain_block_stats_threshold_bytes',
    help: 'Write threshold that is set, in bytes; absent where none is.',
    read: (block) => block.thresholdBytes,
  },
] as const satisfies readonly BlockMetric[];

/** Label `target_device`: the host's side, `vnet3`. */
export const netMetrics = [
  {
    per: 'net',
    type: 'counter',
    name: 'libvirt_domain_interface_stats_receive_bytes_total',
    help: 'Bytes that the guest received.',
    read: (net) => net.rxBytes,
  },
  {
    per: 'net',
    type: 'counter',
    name: 'libvirt_domain_interface_stats_receive_packets_total',
    help: 'Packets that the guest received.',
    read: (net) => net.rxPackets,
  },
  {
    per: 'net',
    type: 'counter',
    name: 'libvirt_domain_interface_stats_receive_errors_total',
    help: 'Errors on receiving.',
    read: (net) => net.rxErrors,
  },
  {
    per: 'net',
    type: 'counter',
    name: 'libvirt_domain_interface_stats_receive_drops_total',
    help: 'Packets for the guest that were dropped.',
    read: (net) => net.rxDrops,
  },
  {
    per: 'net',
    type: 'counter',
    name: 'libvirt_domain_interface_stats_transmit_bytes_total',
    help: 'Bytes that the guest sent.',
    read: (net) => net.txBytes,
  },
  {
    per: 'net',
    type: 'counter',
    name: 'libvirt_domain_interface_stats_transmit_packets_total',
    help: 'Packets that the guest sent.',
    read: (net) => net.txPackets,
  },
  {
    per: 'net',
    type: 'counter',
    name: 'libvirt_domain_interface_stats_transmit_errors_total',
    help: 'Errors on sending.',
    read: (net) => net.txErrors,
  },
  {
    per: 'net',
    type: 'counter',
    name: 'libvirt_domain_interface_stats_transmit_drops_total',
    help: 'Packets from the guest that were dropped.',
    read: (net) => net.txDrops,
  },
] as const satisfies readonly NetMetric[];
