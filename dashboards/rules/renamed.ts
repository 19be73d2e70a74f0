/**
 * Earlier names of alerts. A file for `--thresholds` that still uses one is rejected with the name to use now; the
 * table in CHANGELOG.md is held to this list by a test.
 */
export const RENAMED_ALERTS: ReadonlyMap<string, string> = new Map([
  ['HostStolenFromUs', 'HostCpuStealHigh'],
  ['DomainVcpuDelayHigh', 'DomainCpuStealHigh'],
  ['DomainVcpuDelayCritical', 'DomainCpuStealCritical'],
  ['HostVcpuOvercommitHarmful', 'HostCpuContentionHigh'],
  ['HostMemoryOvercommitHarmful', 'HostMemoryOvercommitCritical'],
  ['DomainWiderThanHost', 'DomainVcpusExceedHost'],
  ['StatsSlow', 'HostSamplingSlow'],
  ['SpoolGrowing', 'ElasticsearchQueueDelayed'],
  ['DocumentsLost', 'ElasticsearchDocumentsLost'],
]);
