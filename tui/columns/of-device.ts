import type { Reason } from '../model/reasons.ts';
import { isRunning, type Vm } from '../model/vm.ts';

/** A rate of a group, of one device: it may also be that there was no sample before. */
export function deviceRate(group: string): (row: { readonly vm: Vm }) => Reason {
  return ({ vm }) =>
    vm.reasons.get(group) ??
    (!isRunning(vm) ? 'not_running' : vm.rates === undefined ? 'first_sample' : 'not_told');
}

/** What the VM's XML says. */
export const deviceXml = ({ vm }: { readonly vm: Vm }): Reason =>
  vm.facts === undefined ? 'no_xml' : 'none';

/** Whose device it is. */
export const hostAndVm = [
  {
    id: 'host',
    title: 'HOST',
    unit: 'text',
    width: 12,
    help: 'The host of the VM.',
    metrics: [],
    read: ({ vm }: { readonly vm: Vm }) => vm.host,
  },
  {
    id: 'name',
    title: 'NAME',
    unit: 'text',
    width: 16,
    help: 'The VM.',
    metrics: [],
    read: ({ vm }: { readonly vm: Vm }) => vm.name,
  },
] as const;
