import type { ObservedVm } from './observation.ts';

/** Appended to changes for the next start of a transient VM: libvirt refuses --config without a definition. */
export const TRANSIENT =
  ', by hand, where it is created: it is transient, so libvirt has no definition to change';

/** Whether libvirt forgets the VM once it is off; false while that is unknown. */
export const isTransient = ({ sample }: ObservedVm): boolean => sample.summary.marks?.persistent === false;
