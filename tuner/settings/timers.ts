import { attributeSetting } from './declare.ts';
import { ensurePath, findPath, type PathStep } from './edit.ts';
import type { Setting } from './setting.ts';

const CLOCK = ['clock'] as const;

function timerSetting(name: string, title: string, attribute: string): Setting {
  const path: PathStep[] = [...CLOCK, { name: 'timer', with: ['name', name] }];
  const inner = attributeSetting({ id: `timer.${name}`, title, on: 'domain', path, attribute });
  return {
    ...inner,
    write: (domain, target, value) => {
      // A clock needs an offset; utc is libvirt's own default.
      if (value !== undefined && findPath(domain, CLOCK) === undefined) {
        ensurePath(domain, CLOCK).setAttribute('offset', 'utc');
      }
      inner.write(domain, target, value);
    },
  };
}

// The mode of `tsc` is Xen-only: libvirt accepts it for a QEMU guest too, and starts QEMU without it (9.0).
export const timerSettings = [
  timerSetting('hpet', 'HPET in the guest', 'present'),
  timerSetting('rtc', 'policy for missed ticks of the real-time clock', 'tickpolicy'),
  timerSetting('pit', 'policy for missed ticks of the PIT', 'tickpolicy'),
  timerSetting('hypervclock', 'Hyper-V reference time', 'present'),
  timerSetting('kvmclock', 'KVM paravirtual clock (kvmclock)', 'present'),
] as const;
