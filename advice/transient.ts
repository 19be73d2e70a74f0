import type { ObservedVm } from './observation.ts';

/** What a change for the next start adds, where no command can make it: libvirt refuses --config of a VM without a definition. */
export const TRANSIENT =
  ', by hand, where it is created: it is transient, so that libvirt has no definition to change';

/** Whether libvirt forgets the VM once it is off; false while that is not known. */
export const isTransient = ({ sample }: ObservedVm): boolean => sample.summary.marks?.persistent === false;
