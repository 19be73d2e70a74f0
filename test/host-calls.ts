import type { CallName } from '../libvirt/calls/all.ts';

/** Opens a connection, listens for events, or belongs to the control connection: nothing works without them. */
const CONNECTION_CALLS: ReadonlySet<CallName> = new Set<CallName>([
  'authList',
  'connectOpen',
  'connectClose',
  'connectSupportsFeature',
  'connectRegisterCloseCallback',
  'connectDomainEventCallbackRegisterAny',
  'domainGetState',
]);

/** Calls that are subject to a VM's deadline. */
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

/** The host calls among those that virtune was seen to make: all that are not listed above. */
export function hostCallsOf(seen: Iterable<CallName>): CallName[] {
  return [...new Set(seen)].filter((name) => !CONNECTION_CALLS.has(name) && !VM_CALLS.has(name)).sort();
}
