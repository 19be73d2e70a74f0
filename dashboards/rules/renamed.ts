/**
 * Earlier names of alerts. A file for `--thresholds` that still uses one is rejected with the current name; a test
 * compares the table in CHANGELOG.md with this list.
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
