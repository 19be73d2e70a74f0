import type { CallName } from '../calls/all.ts';
import { ConnectFlag, XmlFlag } from '../constants.ts';
import { ReadOnlyError } from '../errors.ts';

/**
 * What a read-only connection may send. Enforced in the client, so that a misconfigured daemon, or an old one
 * with a hole in its own read-only check, cannot let a change through.
 */
export const READ_ONLY_CALLS: ReadonlySet<CallName> = new Set<CallName>([
  'connectOpen',
  'connectClose',
  'connectSupportsFeature',
  'authList',
  'authSaslInit',
  'authSaslStart',
  'authSaslStep',
  'authPolkit',
  'connectGetType',
  'connectGetVersion',
  'connectGetLibVersion',
  'connectGetHostname',
  'connectGetUri',
  'connectIsSecure',
  'connectRegisterCloseCallback',
  'connectUnregisterCloseCallback',
  'connectDomainEventCallbackRegisterAny',
  'connectDomainEventCallbackDeregisterAny',
  'connectStoragePoolEventRegisterAny',
  'connectStoragePoolEventDeregisterAny',
  'connectListAllDomains',
  'connectGetAllDomainStats',
  'domainLookupById',
  'domainLookupByName',
  'domainLookupByUuid',
  'domainGetXmlDesc',
  'domainGetInfo',
  'domainGetState',
  'domainIsActive',
  'domainIsPersistent',
  'domainGetAutostart',
  'domainGetAutostartOnce',
  'domainMemoryStats',
  'domainGetCpuStats',
  'domainBlockStatsFlags',
  'domainGetBlockInfo',
  'domainInterfaceStats',
  'domainGetPerfEvents',
  'domainGetJobInfo',
  'domainGetJobStats',
  'domainGetBlockJobInfo',
  'domainGetControlInfo',
  'domainGetDiskErrors',
  'domainInterfaceAddresses',
  'domainGetMessages',
  'domainGetVcpus',
  'domainGetVcpuPinInfo',
  'domainGetEmulatorPinInfo',
  'domainGetIoThreadInfo',
  'domainGetNumaParameters',
  'domainGetBlockIoTune',
  'domainGetBlkioParameters',
  'domainGetInterfaceParameters',
  'domainGetSchedulerType',
  'domainGetSchedulerParametersFlags',
  'domainGetMemoryParameters',
  'domainGetVcpusFlags',
  'domainGetMetadata',
  'nodeGetInfo',
  'connectGetCapabilities',
  'connectGetDomainCapabilities',
  'nodeGetCpuStats',
  'nodeGetMemoryStats',
  'nodeGetCellsFreeMemory',
  'nodeGetFreeMemory',
  'nodeGetFreePages',
  'nodeGetCpuMap',
  'nodeGetMemoryParameters',
  'connectListAllStoragePools',
  'storagePoolLookupByName',
  'storagePoolLookupByUuid',
  'storagePoolGetInfo',
  'storagePoolGetXmlDesc',
  'storagePoolIsActive',
  'storagePoolListAllVolumes',
  'storageVolGetInfo',
  'storageVolGetInfoFlags',
  'storageVolGetXmlDesc',
  'storageVolGetPath',
  'storageVolLookupByPath',
  'domainListAllSnapshots',
  'domainSnapshotGetXmlDesc',
  'domainSnapshotNum',
  'domainSnapshotGetParent',
  'domainSnapshotCurrent',
]);

/**
 * @throws ReadOnlyError when the call is not on the list, asks for secrets in XML, or would open the
 * connection for writing.
 */
export function assertReadOnly(name: CallName, args: unknown): void {
  if (!READ_ONLY_CALLS.has(name)) {
    throw new ReadOnlyError(
      `${name} is not allowed on a read-only connection; open one with readOnly: false`,
    );
  }
  const flags = (args as { flags?: number } | undefined)?.flags ?? 0;
  // VIR_DOMAIN_XML_SECURE, _SNAPSHOT_XML_SECURE and the storage XML's are the same bit.
  if (name.endsWith('XmlDesc') && (flags & XmlFlag.secure) !== 0) {
    throw new ReadOnlyError(
      `${name} with the secure flag discloses passwords and is not allowed on a read-only connection; open one with readOnly: false`,
    );
  }
  if (name === 'connectOpen' && (flags & ConnectFlag.readOnly) === 0) {
    throw new ReadOnlyError('a read-only connection must be opened with the read-only flag');
  }
}
