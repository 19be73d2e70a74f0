import type { Reason } from '../../model/reasons.ts';
import { isRunning, type Vm } from '../../model/vm.ts';

/** Reason for a missing value of a group: the group's, else that libvirt does not report it. */
export const group =
  (name: string) =>
  (vm: Vm): Reason =>
    vm.reasons.get(name) ?? (isRunning(vm) ? 'not_reported' : 'not_running');

/** Reason for a missing rate: also that the previous sample did not have the value. */
export const rateOf =
  (name: string) =>
  (vm: Vm): Reason =>
    vm.reasons.get(name) ??
    (!isRunning(vm) ? 'not_running' : !vm.hadBefore(name) ? 'first_sample' : 'not_reported');

/** Reason for a missing value that libvirt reports for every running VM. */
export const summary = (vm: Vm): Reason => (isRunning(vm) ? 'not_reported' : 'not_running');

/** Reason for a missing value from the VM's XML. */
export const xml = (vm: Vm): Reason => (vm.facts === undefined ? 'no_xml' : 'none');
