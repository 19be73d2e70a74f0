import type { CallName } from '../libvirt/calls/all.ts';

/** Opening a connection, listening for events, and what the control connection carries: nothing works without. */
const CONNECTION_CALLS: ReadonlySet<CallName> = new Set<CallName>([
  'authList',
  'connectOpen',
  'connectClose',
  'connectSupportsFeature',
  'connectRegisterCloseCallback',
  'connectDomainEventCallbackRegisterAny',
  'domainGetState',
]);

/** Each has one VM's deadline. */
const VM_CALLS: ReadonlySet<CallName> = new Set<CallName>([
  'connectGetAllDomainStats',
  'domainGetXmlDesc',
  'domainGetInfo',
  'domainGetCpuStats',
  'domainGetVcpus',
  'domainGetJobStats',
  'domainGetJobInfo',
  'domainGetControlInfo',
  'domainGetDiskErrors',
  'domainMemoryStats',
]);

/** Of calls that virtune was seen to send, those about the host as a whole: all that nobody named otherwise. */
export function hostCallsOf(seen: Iterable<CallName>): CallName[] {
  return [...new Set(seen)].filter((name) => !CONNECTION_CALLS.has(name) && !VM_CALLS.has(name)).sort();
}
