import type { NetworkInterface } from '../../../model/domain/interfaces.ts';
import { type Check, type CheckView, check } from './check.ts';

const nicOf = (target: string, { facts }: CheckView): NetworkInterface | undefined =>
  facts.interfaces.find(({ mac }) => mac?.toLowerCase() === target.toLowerCase());

/** Backends with a separate TAP device, or with a process that serves queues. */
const QUEUED = new Set(['network', 'bridge', 'ethernet', 'direct', 'vhostuser', 'vdpa']);
/** Backends whose traffic the kernel can shape. */
const SHAPED = new Set(['network', 'bridge', 'ethernet', 'direct']);

export const nicChecks: readonly Check[] = [
  check(/^nic\./, (_, { setting, target }, view) =>
    nicOf(target, view)?.type === 'hostdev'
      ? {
          code: 'NIC_PASSTHROUGH',
          text: `${target} is a host NIC that is passed through to the guest: ${setting.id} has no effect there`,
        }
      : undefined,
  ),
  check(/^nic\.(driver|queues|rxQueueSize|txQueueSize)$/, (_, { setting, target }, view) => {
    const model = view.will('nic.model', target);
    return model?.startsWith('virtio') === true
      ? undefined
      : {
          code: 'NIC_NOT_VIRTIO',
          text: `${setting.id} is for virtio NICs, but ${target} is ${model ?? 'the default model of QEMU'}`,
          next: 'change its model once the guest has the driver (nic.model), with --accept nic.model',
        };
  }),
  check(/^nic\.(driver|queues)$/, (value, { setting, target }, view) => {
    const type = nicOf(target, view)?.type ?? 'unknown';
    return value === 'qemu' || QUEUED.has(type)
      ? undefined
      : {
          code: 'NIC_TYPE',
          text: `a NIC of type ${type} does not support ${setting.id === 'nic.queues' ? 'several queues' : 'vhost'}`,
        };
  }),
  check(/^nic\.queues$/, (value, { target }, view) => {
    const vcpus = view.facts.cpu.vcpusCurrent ?? view.facts.cpu.vcpusMaximum ?? 1;
    return Number(value) <= vcpus
      ? undefined
      : {
          code: 'QUEUES_EXCEED_VCPUS',
          text: `${target} would have ${value} queues, but the domain has ${vcpus} vCPUs: the guest does not use the others`,
          next: 'use "= vCPUs"',
        };
  }),
  check(/^nic\.txQueueSize$/, (_, { target }, view) =>
    nicOf(target, view)?.type === 'vhostuser'
      ? undefined
      : {
          code: 'TX_RING_VHOSTUSER',
          text: `QEMU accepts the transmit ring size for vhost-user only, but ${target} is of type ${nicOf(target, view)?.type ?? 'unknown'}`,
        },
  ),
  check(/^nic\.bandwidth\./, (value, { setting, target }, view) => {
    const type = nicOf(target, view)?.type ?? 'unknown';
    if (!SHAPED.has(type))
      return { code: 'NIC_TYPE', text: `traffic of a NIC of type ${type} cannot be limited` };
    return value.includes('floor=') && (type !== 'network' || setting.id.endsWith('outbound'))
      ? { code: 'NIC_TYPE', text: 'floor works only for traffic from a libvirt network to the guest' }
      : undefined;
  }),
];
