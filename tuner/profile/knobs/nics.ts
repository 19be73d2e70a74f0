import { parseBandwidth } from '../../settings/nic.ts';
import { type Knob, plainKnob } from '../knob.ts';
import { choice, count, figureValue, orDefault, text, whole } from '../values.ts';

const RING = orDefault(whole({ least: 256, most: 1_024, power: true }));
const BANDWIDTH = orDefault(
  text(
    '`average=1000 peak=2000 burst=1024` (KiB a second, and KiB)',
    (raw) => parseBandwidth(raw)?.has('average') === true,
  ),
);

const asIs = <V>(value: V): V => value;
const number = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

function bandwidth(direction: 'inbound' | 'outbound', whose: string): Knob {
  return plainKnob({
    id: `nic.bandwidth.${direction}`,
    group: 'nics',
    on: 'nic',
    help: `Most traffic ${whose}.`,
    value: BANDWIDTH,
    canonical: asIs,
  });
}

export const nicKnobs: readonly Knob[] = [
  plainKnob({
    id: 'nic.model',
    group: 'nics',
    on: 'nic',
    help: 'Network card that the guest sees. Proposed only: a guest without the driver has no network.',
    value: choice('virtio'),
    canonical: asIs,
    proposal:
      'the guest needs the virtio-net driver (with Windows from the virtio-win package), and may see the card under a new name',
  }),
  plainKnob({
    id: 'nic.driver',
    group: 'nics',
    on: 'nic',
    help: "Where the card's queues are served: in the kernel (`vhost`) or in QEMU.",
    value: orDefault(choice('vhost', 'qemu')),
    canonical: asIs,
  }),
  plainKnob({
    id: 'nic.queues',
    group: 'nics',
    on: 'nic',
    help: 'Pairs of queues of a virtio card, each with a vhost thread of its own. The guest takes as many as it has vCPUs at most.',
    value: orDefault(count({ least: 1, most: 256 })),
    canonical: (figure, { subjects }) => {
      const queues = figureValue(figure, subjects);
      return queues === '1' ? undefined : queues;
    },
  }),
  plainKnob({
    id: 'nic.rxQueueSize',
    group: 'nics',
    on: 'nic',
    help: 'Packets that each receive ring holds.',
    value: RING,
    canonical: number,
  }),
  plainKnob({
    id: 'nic.txQueueSize',
    group: 'nics',
    on: 'nic',
    help: 'Packets that each transmit ring holds; QEMU takes it for vhost-user only.',
    value: RING,
    canonical: number,
  }),
  bandwidth('inbound', 'to the guest'),
  bandwidth('outbound', 'from the guest'),
];
