import type { Reason } from '../../model/reasons.ts';
import { isRunning, type Vm } from '../../model/vm.ts';

/** A figure of a group: absent for the group's reason, else because libvirt does not report it. */
export const group =
  (name: string) =>
  (vm: Vm): Reason =>
    vm.reasons.get(name) ?? (isRunning(vm) ? 'not_reported' : 'not_running');

/** A rate: it may also be that the sample before did not have the figure. */
export const rateOf =
  (name: string) =>
  (vm: Vm): Reason =>
    vm.reasons.get(name) ??
    (!isRunning(vm) ? 'not_running' : !vm.hadBefore(name) ? 'first_sample' : 'not_reported');

/** What libvirt reports of every running VM. */
export const summary = (vm: Vm): Reason => (isRunning(vm) ? 'not_reported' : 'not_running');

/** What its XML says. */
export const xml = (vm: Vm): Reason => (vm.facts === undefined ? 'no_xml' : 'none');
