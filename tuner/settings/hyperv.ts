import { attr, child, type Element } from '../../model/xml.ts';
import { custom } from './declare.ts';
import { ensurePath, putAttribute, removePath } from './edit.ts';
import type { Setting } from './setting.ts';
import { state, whole } from './values.ts';

/**
 * Hyper-V enlightenments by libvirt's names, each after those that it depends on.
 * https://libvirt.org/formatdomain.html#hypervisor-features, and QEMU's docs/system/i386/hyperv.rst.
 */
export const HYPERV_FEATURES = [
  ['relaxed', 'relaxed timers: no watchdog bug check when a timer is late'],
  ['vapic', 'virtual APIC with fewer exits'],
  ['spinlocks', 'spinlock retries before a vCPU yields'],
  ['vpindex', 'virtual processor index of each vCPU'],
  ['runtime', 'run time of each vCPU'],
  ['synic', 'synthetic interrupt controller'],
  ['stimer', 'synthetic timers'],
  ['stimer.direct', 'synthetic timers with direct interrupts'],
  ['reset', 'reset by MSR'],
  ['frequencies', 'TSC and APIC frequencies in MSRs'],
  ['reenlightenment', 'notification of a TSC frequency change after migration'],
  ['tlbflush', 'TLB flush by hypercall'],
  ['ipi', 'inter-processor interrupts by hypercall'],
  ['evmcs', 'enlightened VMCS for nested virtualization, Intel only'],
  ['avic', 'synthetic interrupts with hardware APIC virtualization (AVIC, APICv)'],
] as const;
export type HypervFeature = (typeof HYPERV_FEATURES)[number][0];

const pathOf = (feature: string): string[] => ['features', 'hyperv', ...feature.split('.')];

/** libvirt passes all features that it knows to the guest, whatever else is set. */
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
      // Removes the whole element: its children need its state.
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
  kvmSetting('hint-dedicated', 'KVM_HINTS_REALTIME: the guest assumes dedicated CPUs'),
  kvmSetting('poll-control', 'halt polling in the guest instead of on the host'),
] as const;
