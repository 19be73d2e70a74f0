import type { Subjects } from '../../model/catalogue/metric.ts';

export interface Stream {
  /** The kind of subject of a document; it determines the dimensions. */
  readonly of: 'host' | 'vm' | 'vm-device' | 'host-device';
  /** Where its figures come from. */
  readonly subjects: readonly (keyof Subjects)[];
  readonly help: string;
}

/** The data streams `metrics-kvm.NAME-NAMESPACE`: one document per tick and subject. */
export const STREAMS = {
  host: {
    of: 'host',
    subjects: ['host', 'overcommit', 'contention', 'hostRates'],
    help: 'the host and its overcommit',
  },
  cell: { of: 'host-device', subjects: ['cell', 'cellRates'], help: 'each NUMA cell of the host' },
  pool: { of: 'host-device', subjects: ['pool'], help: 'each storage pool of the host' },
  vm: {
    of: 'vm',
    subjects: [
      'domain',
      'summary',
      'identity',
      'facts',
      'fit',
      'extras',
      'local',
      'guest',
      'drift',
      'vmRates',
    ],
    help: 'each VM, responsive or not',
  },
  vcpu: { of: 'vm-device', subjects: ['vcpu', 'vcpuPlace', 'vcpuRates'], help: 'each vCPU' },
  block: { of: 'vm-device', subjects: ['block', 'disk', 'limitUse', 'blockRates'], help: 'each disk' },
  net: { of: 'vm-device', subjects: ['net', 'nic', 'netRates'], help: 'each network interface' },
  iothread: { of: 'vm-device', subjects: ['ioThread'], help: 'each iothread' },
} as const satisfies Record<string, Stream>;

export type StreamName = keyof typeof STREAMS;
export const STREAM_NAMES = Object.keys(STREAMS) as readonly StreamName[];

/** Labels that assign a host figure to one of its devices, and so to a document of that stream. */
export const DEVICE_LABELS: Readonly<Record<string, StreamName>> = { cell: 'cell', storage_pool: 'pool' };

/** What Metricbeat's kvm module would send, in separate streams (`--metricbeat-compat`). */
export const COMPAT_STREAMS = ['dommemstat', 'status'] as const;
export type CompatStreamName = (typeof COMPAT_STREAMS)[number];

/** Naming rules of data streams (https://www.elastic.co/docs/reference/ecs/ecs-data_stream): no `-`, lower case. */
export const NAMESPACE = /^[^\s\\/*?"<>|,#:A-Z-]{1,100}$/;
