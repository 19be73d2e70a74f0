import type { Reason } from '../model/reasons.ts';
import { isRunning, type Vm } from '../model/vm.ts';

/** A rate of one device, by group; also missing when the previous sample did not have the device or its figures. */
export function deviceRate(
  group: 'block' | 'interface',
): (row: {
  readonly vm: Vm;
  readonly rates: unknown;
  readonly block?: unknown;
  readonly net?: unknown;
}) => Reason {
  return ({ vm, rates, block, net }) => {
    const isNew = rates === undefined && (block ?? net) !== undefined;
    return (
      vm.reasons.get(group) ??
      (!isRunning(vm) ? 'not_running' : isNew || !vm.hadBefore(group) ? 'first_sample' : 'not_reported')
    );
  };
}

/** Reason for a missing value from the VM's XML. */
export const deviceXml = ({ vm }: { readonly vm: Vm }): Reason =>
  vm.facts === undefined ? 'no_xml' : 'none';

/** Host and VM of a device. */
export const hostAndVm = [
  {
    id: 'host',
    title: 'HOST',
    unit: 'text',
    width: 12,
    help: 'Host of the VM.',
    metrics: [],
    read: ({ vm }: { readonly vm: Vm }) => vm.host,
  },
  {
    id: 'name',
    title: 'NAME',
    unit: 'text',
    width: 16,
    help: 'Name of the VM.',
    metrics: [],
    read: ({ vm }: { readonly vm: Vm }) => vm.name,
  },
] as const;
