import { filled, type Line, readRunbooks } from '../../docs/runbooks.ts';

const NO_SHIPPING = 'nothing is sent to a search server there';
const NO_OTLP = 'nothing is sent to an OTLP receiver there';
const NO_OUTPUT = 'nothing is written to an output there';
const NO_HUGE_PAGES = 'no VM with huge pages is shut off';
const NO_HANG = 'no simulated storage hangs';
const NO_SNAPSHOT = 'no simulated VM has a snapshot';

/** Queries of runbooks that find nothing on simulated hosts, by runbook and expression, and why. */
export const EMPTY_RUNBOOK_QUERIES: Readonly<Record<string, string>> = {
  'DiskLatencyHigh, Diagnosis: {__name__=~"libvirt_domain_block_stats_limit_.*", instance="HOST", domain="VM"}':
    'no simulated disk has a limit',
  'DomainPausedByJob, Diagnosis: libvirt_domain_job_data_bytes{domain="VM"}': 'no simulated VM has a job',
  'DomainTuningCheckStale, Diagnosis: virtune_domain_missing{instance="HOST", domain="VM", group="drift"}':
    'every tuned VM there was checked',
  'ElasticsearchDocumentsLost, Diagnosis: increase(virtune_elasticsearch_dead_letters_total{instance="HOST"}[1h])':
    NO_SHIPPING,
  'ElasticsearchDocumentsLost, Diagnosis: sum by (reason) (increase(virtune_elasticsearch_dropped_total{instance="HOST"}[1h]))':
    NO_SHIPPING,
  'ElasticsearchDocumentsLost, Verification: sum(increase(virtune_elasticsearch_dead_letters_total{instance="HOST"}[10m])) == 0':
    NO_SHIPPING,
  'ElasticsearchDocumentsLost, Verification: sum(increase(virtune_elasticsearch_dropped_total{instance="HOST"}[10m])) == 0':
    NO_SHIPPING,
  'ElasticsearchDocumentsLost, Verification: virtune_elasticsearch_up{instance="HOST"} == 1': NO_SHIPPING,
  'ElasticsearchQueueDelayed, Diagnosis: (virtune_elasticsearch_queue_max_bytes{instance="HOST"} - virtune_elasticsearch_queue_bytes{instance="HOST"}) / (deriv(virtune_elasticsearch_queue_bytes{instance="HOST"}[30m]) > 0)':
    NO_SHIPPING,
  'ElasticsearchQueueDelayed, Diagnosis: sum by (outcome) (rate(virtune_elasticsearch_requests_total{instance="HOST"}[5m]))':
    NO_SHIPPING,
  'ElasticsearchQueueDelayed, Diagnosis: virtune_elasticsearch_queue_bytes{instance="HOST"} / virtune_elasticsearch_queue_max_bytes{instance="HOST"}':
    NO_SHIPPING,
  'ElasticsearchQueueDelayed, Diagnosis: virtune_elasticsearch_stream_up{instance="HOST"} == 0': NO_SHIPPING,
  'ElasticsearchQueueDelayed, Diagnosis: virtune_elasticsearch_up{instance="HOST"}': NO_SHIPPING,
  'ElasticsearchQueueDelayed, Verification: virtune_elasticsearch_oldest_age_seconds{instance="HOST"} <= 600':
    NO_SHIPPING,
  'ElasticsearchQueueDelayed, Verification: virtune_elasticsearch_up{instance="HOST"} == 1': NO_SHIPPING,
  'FleetCannotTolerateHostLossHugepages, Verification: cluster:virtune_hugepages_after_host_loss:ratio{cluster="CLUSTER"} <= 1':
    'VMs of both calm hosts have more huge pages than one of them has',
  'HostDisksHung, Diagnosis: topk(10, domain:virtune_block_requests_before_hang:rate5m{instance="HOST"})':
    NO_HANG,
  'HostDisksHung, Diagnosis: count by (cluster, instance) (domain:virtune_block_requests_before_hang:rate5m)':
    NO_HANG,
  'HostDisksSlow, Diagnosis: libvirt_storage_pool_state{instance="HOST"} != 2':
    'every simulated pool is active',
  'HugepagesExhausted, Diagnosis: libvirt_host_hugepages_missing{instance="HOST"}': NO_HUGE_PAGES,
  'HugepagesExhausted, Diagnosis: libvirt_host_hugepages_wanted{instance="HOST"}': NO_HUGE_PAGES,
  'NicDrops, Diagnosis: libvirt_domain_interface_stats_queues{instance="HOST", domain="VM"}':
    'no simulated interface has several queues',
  'NumaNodeFull, Diagnosis: libvirt_domain_numa_memory_bytes{instance="HOST"}':
    'there is no QEMU process whose memory could be read',
  'OtlpPointsLost, Diagnosis: increase(virtune_otlp_dead_letters_total{instance="HOST"}[1h])': NO_OTLP,
  'OtlpPointsLost, Diagnosis: increase(virtune_otlp_rejected_total{instance="HOST"}[1h])': NO_OTLP,
  'OtlpPointsLost, Diagnosis: sum by (reason) (increase(virtune_otlp_dropped_total{instance="HOST"}[1h]))':
    NO_OTLP,
  'OtlpPointsLost, Verification: sum(increase(virtune_otlp_dead_letters_total{instance="HOST"}[10m])) == 0':
    NO_OTLP,
  'OtlpPointsLost, Verification: sum(increase(virtune_otlp_dropped_total{instance="HOST"}[10m])) == 0':
    NO_OTLP,
  'OtlpPointsLost, Verification: sum(increase(virtune_otlp_rejected_total{instance="HOST"}[10m])) == 0':
    NO_OTLP,
  'OtlpPointsLost, Verification: virtune_otlp_up{instance="HOST"} == 1': NO_OTLP,
  'OtlpQueueDelayed, Diagnosis: (virtune_otlp_queue_max_bytes{instance="HOST"} - virtune_otlp_queue_bytes{instance="HOST"}) / (deriv(virtune_otlp_queue_bytes{instance="HOST"}[30m]) > 0)':
    NO_OTLP,
  'OtlpQueueDelayed, Diagnosis: sum by (outcome) (rate(virtune_otlp_requests_total{instance="HOST"}[5m]))':
    NO_OTLP,
  'OtlpQueueDelayed, Diagnosis: virtune_otlp_queue_bytes{instance="HOST"} / virtune_otlp_queue_max_bytes{instance="HOST"}':
    NO_OTLP,
  'OtlpQueueDelayed, Diagnosis: virtune_otlp_up{instance="HOST"}': NO_OTLP,
  'OtlpQueueDelayed, Verification: virtune_otlp_oldest_age_seconds{instance="HOST"} <= 600': NO_OTLP,
  'OtlpQueueDelayed, Verification: virtune_otlp_up{instance="HOST"} == 1': NO_OTLP,
  'OutputDocumentsDropped, Diagnosis: sum by (reason) (increase(virtune_output_dropped_total{instance="HOST"}[1h]))':
    NO_OUTPUT,
  'OutputDocumentsDropped, Diagnosis: virtune_output_buffered_bytes{instance="HOST"}': NO_OUTPUT,
  'OutputDocumentsDropped, Verification: sum(increase(virtune_output_dropped_total{instance="HOST"}[10m])) == 0':
    NO_OUTPUT,
  'SnapshotTooOld, Diagnosis: libvirt_domain_snapshots{instance="HOST", domain="VM"}': NO_SNAPSHOT,
  'ThinPoolOvercommit, Diagnosis: libvirt_domain_snapshots{instance="HOST"}': NO_SNAPSHOT,
};

export interface RunbookQuery extends Line {
  /** Runbook, section and text. */
  readonly title: string;
}

/** Every query of every runbook. */
export function runbookQueries(): RunbookQuery[] {
  return readRunbooks().flatMap(({ queries }) =>
    queries.map((line) => ({ ...line, title: `${line.runbook}, ${line.section}: ${line.text}` })),
  );
}

/** The query for all clusters, hosts and VMs where it asks about one. */
export const ofAny = (text: string, faster: number): string =>
  compressed(text.replaceAll(/="(CLUSTER|HOST|VM|POOL|CELL|vda|vnet0)"/g, '=~".+"'), faster);

/** The query for the cluster, host, VM and device in the labels of an alert. */
export function ofAlert(text: string, labels: Readonly<Record<string, string>>, faster: number): string {
  const { cluster = '', instance = '', domain = '', cell = '' } = labels;
  const { storage_pool: pool = '', target_device: device } = labels;
  const asked = filled(text, { CLUSTER: cluster, HOST: instance, VM: domain, CELL: cell, POOL: pool });
  return compressed(device === undefined ? asked : asked.replaceAll(/"(vda|vnet0)"/g, `"${device}"`), faster);
}

const SECONDS = { s: 1, m: 60, h: 3_600 } as const;

/** Shortens ranges as those of the rules are shortened. */
function compressed(text: string, faster: number): string {
  return text.replaceAll(/\[(\d+)([smh])\]/g, (_, count: string, unit: keyof typeof SECONDS) => {
    return `[${Math.round((Number(count) * SECONDS[unit]) / faster)}s]`;
  });
}
