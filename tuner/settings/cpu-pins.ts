import { attr, child, children, type Element } from '../../model/xml.ts';
import { attributeSetting } from './declare.ts';
import { findPath, type PathStep, putAttribute, removePath } from './edit.ts';
import type { Setting } from './setting.ts';
import { cpuList } from './values.ts';

// A pin cannot be removed while a domain runs: libvirt stores even a pin to all CPUs as a pin. So unpinning waits for
// the next boot.

/** The host CPUs that a thread may run on. */
function pinSetting(
  id: string,
  title: string,
  on: Setting['on'],
  path: (target: string) => readonly PathStep[],
  live: NonNullable<Setting['live']>,
): Setting {
  return {
    id,
    title,
    on,
    read: (domain, target) => cpuList(attr(findPath(domain, path(target)), 'cpuset')),
    valueIfUnset: (domain, online) => cpuList(attr(child(domain, 'vcpu'), 'cpuset')) ?? online.toString(),
    write: (domain, target, value) => putAttribute(domain, path(target), 'cpuset', value),
    live,
  };
}

const vcpupin = pinSetting(
  'vcpupin',
  'host CPUs of a vCPU',
  'vcpu',
  (vcpu) => ['cputune', { name: 'vcpupin', with: ['vcpu', vcpu] }],
  ({ domain, target, to }) =>
    to === undefined ? undefined : [{ kind: 'vcpuPin', domain, vcpu: Number(target), to }],
);

const emulatorpin = pinSetting(
  'emulatorpin',
  'host CPUs of emulator threads',
  'domain',
  () => ['cputune', 'emulatorpin'],
  ({ domain, to }) => (to === undefined ? undefined : [{ kind: 'emulatorPin', domain, to }]),
);

const iothreadpin = pinSetting(
  'iothreadpin',
  'host CPUs of an iothread',
  'iothread',
  (id) => ['cputune', { name: 'iothreadpin', with: ['iothread', id] }],
  ({ domain, target, to }) =>
    to === undefined ? undefined : [{ kind: 'ioThreadPin', domain, id: Number(target), to }],
);

/** Only `auto` matters: it leaves all pins to numad, and forbids binding memory per cell. */
const placement: Setting = {
  id: 'vcpu.placement',
  title: 'vCPU placement mode',
  on: 'domain',
  read: (domain) => (attr(child(domain, 'vcpu'), 'placement') === 'auto' ? 'auto' : undefined),
  write: (domain, _, value) => {
    const vcpu = child(domain, 'vcpu');
    if (value !== undefined) vcpu?.setAttribute('placement', value);
    else if (placement.read(domain, '') !== undefined) {
      vcpu?.removeAttribute('placement');
      // libvirt mirrors the placement mode in numatune, and would restore it from there.
      if (attr(child(domain, 'numatune', 'memory'), 'placement') === 'auto') {
        removePath(domain, ['numatune', 'memory']);
      }
    }
  },
};

const cpuset = attributeSetting({
  id: 'vcpu.cpuset',
  title: 'host CPUs of threads without a separate pin',
  on: 'domain',
  path: ['vcpu'],
  attribute: 'cpuset',
  canonical: cpuList,
});

export const pinSettings = [placement, cpuset, vcpupin, emulatorpin, iothreadpin] as const;

/** A definition with pins of missing iothreads is invalid. */
export function dropPinsOfIoThreads(domain: Element, gone: (id: string) => boolean): void {
  for (const pin of children(child(domain, 'cputune'), 'iothreadpin')) {
    const id = attr(pin, 'iothread');
    if (id !== undefined && gone(id)) iothreadpin.write(domain, id, undefined);
  }
}
