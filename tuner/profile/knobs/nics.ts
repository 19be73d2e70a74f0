import { parseBandwidth } from '../../settings/nic.ts';
import { asIs, type Knob, numberText, plainKnob } from '../knob.ts';
import { choice, count, figureValue, orDefault, text, whole } from '../values.ts';

const RING = orDefault(whole({ min: 256, max: 1_024, power: true }));
const BANDWIDTH = orDefault(
  text(
    '`average=1000 peak=2000 burst=1024` (KiB/s, KiB/s, KiB)',
    (raw) => parseBandwidth(raw)?.has('average') === true,
  ),
);

function bandwidth(direction: 'inbound' | 'outbound', whose: string): Knob {
  return plainKnob({
    id: `nic.bandwidth.${direction}`,
    group: 'nics',
    on: 'nic',
    help: `Bandwidth limit ${whose}.`,
    value: BANDWIDTH,
    canonical: asIs,
  });
}

export const nicKnobs: readonly Knob[] = [
  plainKnob({
    id: 'nic.model',
    group: 'nics',
    on: 'nic',
    help: 'NIC model that the guest sees. Only proposed: a guest without the driver has no network.',
    value: choice('virtio'),
    canonical: asIs,
    proposal:
      'the guest needs the virtio-net driver (on Windows from the virtio-win package), and its interface name may change',
  }),
  plainKnob({
    id: 'nic.driver',
    group: 'nics',
    on: 'nic',
    help: 'NIC backend: the kernel (`vhost`) or QEMU.',
    value: orDefault(choice('vhost', 'qemu')),
    canonical: asIs,
  }),
  plainKnob({
    id: 'nic.queues',
    group: 'nics',
    on: 'nic',
    help: 'Queue pairs of a virtio NIC, each with a separate vhost thread. The guest uses at most one per vCPU.',
    value: orDefault(count({ min: 1, max: 256 })),
    canonical: (figure, { subjects }) => {
      const queues = figureValue(figure, subjects);
      return queues === '1' ? undefined : queues;
    },
  }),
  plainKnob({
    id: 'nic.rxQueueSize',
    group: 'nics',
    on: 'nic',
    help: 'Receive ring size, packets.',
    value: RING,
    canonical: numberText,
  }),
  plainKnob({
    id: 'nic.txQueueSize',
    group: 'nics',
    on: 'nic',
    help: 'Transmit ring size, packets; QEMU accepts it for vhost-user only.',
    value: RING,
    canonical: numberText,
  }),
  bandwidth('inbound', 'to the guest'),
  bandwidth('outbound', 'from the guest'),
];
