import { attr, child, type Element } from '../../model/xml.ts';
import { custom } from './declare.ts';
import { ensurePath, putAttribute, removePath } from './edit.ts';
import type { Setting } from './setting.ts';
import { state, whole } from './values.ts';

/**
 * What makes a guest think it runs on Hyper-V, in an order in which each stands on those before it, with libvirt's
 * names. https://libvirt.org/formatdomain.html#hypervisor-features, and QEMU's docs/system/i386/hyperv.rst.
 */
export const HYPERV_FEATURES = [
  ['relaxed', 'no watchdog on timers that come late'],
  ['vapic', 'interrupt controller without exits'],
  ['spinlocks', 'retries before a spinning vCPU yields'],
  ['vpindex', 'number of each vCPU'],
  ['runtime', 'time that each vCPU ran'],
  ['synic', 'synthetic interrupt controller'],
  ['stimer', 'synthetic timers'],
  ['stimer.direct', 'synthetic timers that interrupt directly'],
  ['reset', 'reset by a register'],
  ['frequencies', "TSC's and APIC's frequencies in registers"],
  ['reenlightenment', 'notice of a changed TSC after a migration'],
  ['tlbflush', 'TLB flushes by hypercall'],
  ['ipi', 'interrupts between vCPUs by hypercall'],
  ['evmcs', 'nested VMCS without exits, on Intel'],
  ['avic', "synthetic interrupts with the CPU's own APIC virtualisation"],
] as const;
export type HypervFeature = (typeof HYPERV_FEATURES)[number][0];

const pathOf = (feature: string): string[] => ['features', 'hyperv', ...feature.split('.')];

/** libvirt hands every feature that it knows to the guest, whatever else is said. */
export function hypervPassthrough(domain: Element): boolean {
  return attr(child(domain, 'features', 'hyperv'), 'mode') === 'passthrough';
}

function stateSetting(feature: string, title: string): Setting {
  const path = pathOf(feature);
  return custom({
    id: `hyperv.${feature}`,
    title,
    on: 'domain',
    path,
    read: state,
    write: (domain, value) => {
      // Not only its state: what is inside it cannot be without it.
      if (value === undefined) removePath(domain, path);
      else putAttribute(domain, path, 'state', value);
    },
  });
}

/** `8191`, or `off`. */
const spinlocks = (title: string): Setting =>
  custom({
    id: 'hyperv.spinlocks',
    title,
    on: 'domain',
    path: pathOf('spinlocks'),
    read: (element) => (state(element) === 'on' ? (whole(attr(element, 'retries')) ?? 'on') : state(element)),
    write: (domain, value) => {
      if (value === undefined) {
        removePath(domain, pathOf('spinlocks'));
        return;
      }
      const element = ensurePath(domain, pathOf('spinlocks'));
      const retries = /^\d+$/.test(value) ? value : undefined;
      element.setAttribute('state', retries === undefined ? value : 'on');
      if (retries === undefined) element.removeAttribute('retries');
      else element.setAttribute('retries', retries);
    },
  });

export const hypervSettings: readonly Setting[] = HYPERV_FEATURES.map(([feature, title]) =>
  feature === 'spinlocks' ? spinlocks(title) : stateSetting(feature, title),
);

function kvmSetting(feature: string, title: string): Setting {
  const path = ['features', 'kvm', feature];
  return custom({
    id: `kvm.${feature}`,
    title,
    on: 'domain',
    path,
    read: state,
    write: (domain, value) => {
      if (value === undefined) removePath(domain, path);
      else putAttribute(domain, path, 'state', value);
    },
  });
}

export const kvmSettings = [
  kvmSetting('hint-dedicated', 'the guest is told that its vCPUs have CPUs of their own'),
  kvmSetting('poll-control', 'the guest polls before it halts, and the host need not'),
] as const;
