import { count } from '../../model/format.ts';
import type { Advice } from '../advice.ts';
import { refOf } from '../commands.ts';
import type { Context } from '../context.ts';
import { waitingVms } from '../cpu/causes.ts';
import { isLasting, medianOf } from '../evidence.ts';
import type { NicSeries } from '../observation.ts';
import { profileRemedy } from '../profile-remedy.ts';

const DROPS_SHARE = 0.01;
/** Packets per second from which a VM counts as forwarding or serving packets. */
const BUSY = 1_000;

/** NICs that drop packets. Not of VMs that wait for CPUs: that causes drops, and the CPU advice covers it. */
export function nicDrops(context: Context): Advice[] {
  const waiting = new Set(waitingVms(context));
  return context.running.flatMap((vm) => {
    const dropping = [...vm.nics].filter(([, nic]) => isDropping(nic, context.minSamples));
    const [worst] = dropping.toSorted((a, b) => dropShare(b[1]) - dropShare(a[1]));
    if (worst === undefined || waiting.has(vm)) return [];
    const [name, nic] = worst;
    const isBusy = (nic.packets.median ?? 0) >= BUSY;
    return [
      {
        kind: 'nic-drops',
        id: `nic-drops:${vm.uuid.slice(0, 8)}`,
        severity: 'warn',
        title: `${name} drops packets`,
        victims: [
          {
            ...refOf(vm),
            evidence: `${count(nic.drops.median ?? 0)} of ${count((nic.packets.median ?? 0) + (nic.drops.median ?? 0))} packets/s`,
          },
        ],
        evidence: [
          ...medianOf('drops', nic.drops, { unit: 'packets/s', limit: 1, over: context.observation }),
          ...medianOf('packets', nic.packets, { unit: 'packets/s', over: context.observation }),
        ],
        cause:
          'the guest does not take packets from its queue in time: one queue, a short one, or a busy vCPU',
        culprits: [],
        remedies: isBusy
          ? [
              profileRemedy(
                context,
                vm,
                'network',
                'more and longer queues; how many drops remain is unknown',
              ),
            ]
          : [],
        harm: Math.min(1, dropShare(nic)),
      },
    ];
  });
}

function isDropping(nic: NicSeries, minSamples: number): boolean {
  return isLasting(nic.drops, 1, minSamples) && dropShare(nic) > DROPS_SHARE;
}

function dropShare({ drops, packets }: NicSeries): number {
  const dropped = drops.median ?? 0;
  return dropped / Math.max(1, dropped + (packets.median ?? 0));
}

/** Emulated NICs with much traffic: each packet is a VM exit. */
export function emulatedNics(context: Context): Advice[] {
  const { running, minSamples, observation } = context;
  return running.flatMap((vm) => {
    const busy = (vm.facts?.interfaces ?? []).flatMap(({ name, model }) => {
      const nic = name === undefined ? undefined : vm.nics.get(name);
      const isEmulated = model !== undefined && !model.startsWith('virtio');
      return nic !== undefined && isEmulated && isLasting(nic.packets, BUSY - 1, minSamples)
        ? [{ name, model, nic }]
        : [];
    });
    const [first] = busy;
    if (first === undefined) return [];
    return [
      {
        kind: 'nic-emulated',
        id: `nic-emulated:${vm.uuid.slice(0, 8)}`,
        severity: 'info',
        title: `${busy.map(({ name, model }) => `${name} is an emulated ${model}`).join(', ')} with high traffic`,
        victims: [{ ...refOf(vm), evidence: `${count(first.nic.packets.median ?? 0)} packets/s` }],
        evidence: medianOf('packets', first.nic.packets, { unit: 'packets/s', over: observation }),
        cause: 'an emulated NIC makes the guest exit for each packet',
        culprits: [],
        remedies: [
          profileRemedy(
            context,
            vm,
            'balanced',
            'less CPU time per packet; not measured here',
            'a guest without virtio drivers has no network after the restart: check them first',
          ),
        ],
        harm: 0,
      },
    ];
  });
}
