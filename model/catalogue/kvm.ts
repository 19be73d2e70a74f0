import type { KvmStats } from '../stats/types.ts';
import type { Group, Point } from './metric.ts';

/**
 * KVM names its statistics, and each kernel adds more, so the name is a label. `sum` only grows; `cur` and `max` are
 * gauges (libvirt, virConnectGetAllDomainStats).
 */
export const kvmGroup = {
  name: 'kvm',
  help: 'KVM statistics of each VM and vCPU: exits, halt polling, interrupts and all other counters of the kernel.',
  byDefault: false,
  costs: 'One monitor command per VM, and about 40 series per vCPU: watch the number of series.',
  metrics: [
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_kvm_vm_total',
      help: 'KVM counters of the VM, by KVM name.',
      labels: ['stat'],
      since: '8.9.0',
      needs: 'QEMU 7.1 and KVM',
      points: ({ kvm }) => pointsOf(kvm, 'sum'),
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_kvm_vm_current',
      help: 'KVM gauges of the VM, by KVM name.',
      labels: ['stat'],
      since: '8.9.0',
      needs: 'QEMU 7.1 and KVM',
      points: ({ kvm }) => pointsOf(kvm, 'cur'),
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_kvm_vm_peak',
      help: 'KVM peak values of the VM, by KVM name.',
      labels: ['stat'],
      since: '8.9.0',
      needs: 'QEMU 7.1 and KVM',
      points: ({ kvm }) => pointsOf(kvm, 'max'),
    },
    {
      per: 'vcpu',
      type: 'counter',
      name: 'libvirt_domain_kvm_vcpu_total',
      help: 'KVM counters of the vCPU, by KVM name.',
      labels: ['stat'],
      since: '8.9.0',
      needs: 'QEMU 7.1 and KVM',
      points: ({ kvm }) => pointsOf(kvm, 'sum'),
    },
    {
      per: 'vcpu',
      type: 'gauge',
      name: 'libvirt_domain_kvm_vcpu_current',
      help: 'KVM gauges of the vCPU, by KVM name.',
      labels: ['stat'],
      since: '8.9.0',
      needs: 'QEMU 7.1 and KVM',
      points: ({ kvm }) => pointsOf(kvm, 'cur'),
    },
    {
      per: 'vcpu',
      type: 'gauge',
      name: 'libvirt_domain_kvm_vcpu_peak',
      help: 'KVM peak values of the vCPU, by KVM name.',
      labels: ['stat'],
      since: '8.9.0',
      needs: 'QEMU 7.1 and KVM',
      points: ({ kvm }) => pointsOf(kvm, 'max'),
    },
  ],
} as const satisfies Group;

function* pointsOf(stats: KvmStats | undefined, kind: 'sum' | 'cur' | 'max'): Generator<Point> {
  if (stats === undefined) return;
  const ending = `.${kind}`;
  for (const [name, value] of stats)
    if (name.endsWith(ending)) yield [[name.slice(0, -ending.length)], value];
}
