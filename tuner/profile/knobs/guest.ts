import { HYPERV_FEATURES, type HypervFeature } from '../../settings/hyperv.ts';
import { hypervOffer } from '../hyperv-offer.ts';
import { draft, type Knob, type KnobContext, knob, plainKnob } from '../knob.ts';
import { choice, onOff, orDefault, orWord, type ValueKind, whole } from '../values.ts';
import { state } from './cpu.ts';

const SPINLOCKS: ValueKind<string> = {
  help: 'retries from 4095 (usual: `8191`), `off`',
  parse: (raw) => {
    const value = orWord(whole({ min: 4_095, max: 4_294_967_295 }), 'off').parse(raw);
    return String(value);
  },
};
const STATE: ValueKind<string | undefined> = {
  help: orDefault(onOff).help,
  parse: (raw) => state(orDefault(onOff).parse(raw)),
};

/** Depends on the host's CPU: not assumed. */
const OF_SOME_CPUS: ReadonlySet<string> = new Set(['evmcs', 'avic']);

/** `auto`: on if this host offers it, else not set. */
function hypervKnob([feature, title]: readonly [HypervFeature, string]): Knob {
  const setting = `hyperv.${feature}`;
  const value = orWord(feature === 'spinlocks' ? orDefault(SPINLOCKS) : STATE, 'auto');
  return knob({
    id: setting.replaceAll(/\.direct$/g, 'Direct'),
    group: 'hyperv',
    help: `${title.charAt(0).toUpperCase()}${title.slice(1)}.`,
    value,
    settings: [setting],
    drafts: (context, wanted) => {
      if (wanted !== 'auto') return [draft(setting, '', wanted)];
      const on = feature === 'spinlocks' ? '8191' : 'on';
      return offers(context, feature) ? [draft(setting, '', on)] : [];
    },
  });
}

/** Without a report from libvirt, assumes what all KVM versions of recent years offer. */
function offers({ host, state: of, facts }: KnobContext, feature: HypervFeature): boolean {
  const [listed = feature] = feature.split('.');
  const offer = hypervOffer(host, of);
  return offer === undefined ? facts.type === 'kvm' && !OF_SOME_CPUS.has(feature) : offer.has(listed);
}

function timerKnob<V extends string>(name: string, help: string, value: ValueKind<V>): Knob {
  return plainKnob({
    id: `timer.${name}`,
    group: 'timers',
    help,
    value: orDefault(value),
    canonical: (wanted) => wanted,
  });
}

const PRESENT: ValueKind<'yes' | 'no'> = {
  help: onOff.help,
  parse: (raw) => (onOff.parse(raw) ? 'yes' : 'no'),
};
const TICKS = choice('delay', 'catchup', 'merge', 'discard');

export const guestKnobs: readonly Knob[] = [
  ...HYPERV_FEATURES.map(hypervKnob),
  timerKnob('hypervclock', 'Hyper-V reference time, which Windows reads without an exit.', PRESENT),
  timerKnob(
    'hpet',
    'HPET, a timer that is expensive to emulate and that guests with a better timer do not need.',
    PRESENT,
  ),
  timerKnob('rtc', 'Policy for missed ticks of the real-time clock.', TICKS),
  timerKnob('pit', 'Policy for missed ticks of the PIT.', TICKS),
  timerKnob('kvmclock', 'KVM paravirtual clock (kvmclock), for Linux and BSD.', PRESENT),
];
