import type { Connection } from '../../libvirt/client/connection.ts';
import type { HostVersions } from '../../model/libvirt-features.ts';
import { versionNumber } from '../../model/versions.ts';

/** Behaviour of daemons that depends on the version. The rest of the contract applies to all. */
export interface Expected {
  /** Fields of nodeGetCpuStats and nodeGetMemoryStats for the whole host. */
  readonly hostCpuFields: readonly string[];
  readonly hostMemoryFields: readonly string[];
  /** Mask of the virDomainGuestInfoTypes that a daemon knows. */
  readonly guestInfoTypes: number;
  /** Number of values of virDomainEventID. */
  readonly domainEvents: number;
  readonly hasThrottleGroups: boolean;
  readonly hasAutostartOnce: boolean;
  /** Names of statistics of a running disk and iothread, without what `<statistics>` adds. */
  readonly blockFields: readonly string[];
  readonly ioThreadFields: readonly string[];
  /** QEMU's polling settings by default. */
  readonly pollingByDefault: Readonly<Record<string, number>>;
  /** Fields that a window of 10 s, and a histogram of reads with two bins, add to a disk's statistics. */
  readonly windowFields: readonly string[];
  readonly histogramFields: readonly string[];
  /** Whether definitions have `<poll>`, so that polling can be set in a definition. */
  readonly storesPolling: boolean;
  /** Whether `poll_grow` may have the type ullong. */
  readonly takesWidePolling: boolean;
  /** XML that the schema has and a definition keeps, by the names used in the test. */
  readonly knownXml: readonly string[];
  /** Whether the first definition already has its controllers in their final order. */
  readonly groupsControllers: boolean;
  /** The most vCPUs of a Q35 machine. */
  readonly q35VcpusMax: number;
  readonly keepsEmptyMetadata: boolean;
  /** Error numbers for a share of 1: of defining it, unless that is accepted, and of a start with it. */
  readonly shareOfOne: { readonly define: number | 'taken'; readonly start: number };
  /** Whether a definition with `stimer` requires the `hypervclock` timer. */
  readonly checksHyperv: boolean;
  /** The fixture with the definition that libvirt makes of definition-client.xml. */
  readonly definition: string;
}

const BLOCK = [
  ...['name', 'path', 'backingIndex', 'rd.reqs', 'rd.bytes', 'rd.times', 'wr.reqs', 'wr.bytes', 'wr.times'],
  ...['fl.reqs', 'fl.times', 'allocation', 'capacity', 'physical'],
];
const LIMITS = ['request_alignment', 'iov_max', 'memory_alignment_minimal', 'memory_alignment_optimal'];
const WINDOW = [
  'timed_group.count',
  'timed_group.0.interval',
  ...['rd', 'wr', 'zone_append', 'flush'].flatMap((operation) =>
    ['min', 'max', 'avg'].map((figure) => `timed_group.0.${operation}_latency_${figure}`),
  ),
  ...['rd', 'wr', 'zone_append'].map((operation) => `timed_group.0.${operation}_queue_depth_avg`),
];
const HISTOGRAM = [
  'latency_histogram.read.bin.count',
  ...[0, 1].flatMap((bin) => ['start', 'value'].map((what) => `latency_histogram.read.bin.${bin}.${what}`)),
];
const POLLING = ['poll-max-ns', 'poll-grow', 'poll-shrink'];
const NEWER_POLLING = { 'poll-max-ns': 32_768, 'poll-grow': 2, 'poll-shrink': 2 };

/** libvirt 9.0.0 with QEMU 7.2. */
const FIRST: Expected = {
  hostCpuFields: ['kernel', 'user', 'idle', 'iowait'],
  hostMemoryFields: ['total', 'free', 'buffers', 'cached'],
  guestInfoTypes: 0x7f,
  domainEvents: 27,
  hasThrottleGroups: false,
  hasAutostartOnce: false,
  blockFields: BLOCK,
  ioThreadFields: POLLING,
  pollingByDefault: { 'poll-max-ns': 32_768, 'poll-grow': 0, 'poll-shrink': 0 },
  windowFields: [],
  histogramFields: [],
  storesPolling: false,
  takesWidePolling: false,
  knownXml: [],
  groupsControllers: false,
  q35VcpusMax: 288,
  keepsEmptyMetadata: true,
  shareOfOne: { define: 67, start: 67 },
  checksHyperv: false,
  definition: 'definition-libvirt-9.0.0.xml',
};

interface Change extends Partial<Expected> {
  /** The first libvirt or QEMU with this behaviour. */
  readonly libvirt?: string;
  readonly qemu?: string;
}

/**
 * In order of versions. From libvirt's NEWS if it names the version; otherwise (`seen`) the first of the versions on
 * which the contract runs.
 */
const CHANGES: readonly Change[] = [
  { libvirt: '9.4', storesPolling: true },
  { qemu: '8.1', q35VcpusMax: 1_024 },
  { qemu: '9.0', q35VcpusMax: 4_096 },
  {
    libvirt: '11.2',
    domainEvents: 28,
    guestInfoTypes: 0xff,
    hasThrottleGroups: true,
    hasAutostartOnce: true,
  },
  // Seen.
  {
    libvirt: '11.3',
    takesWidePolling: true,
    groupsControllers: true,
    keepsEmptyMetadata: false,
    shareOfOne: { define: 'taken', start: 8 },
    definition: 'definition-libvirt-11.3.0.xml',
  },
  { libvirt: '11.8', hostCpuFields: ['kernel', 'user', 'idle', 'iowait', 'guest'] },
  { libvirt: '11.9', checksHyperv: true },
  {
    libvirt: '11.10',
    qemu: '10.2',
    blockFields: [...BLOCK, ...LIMITS.map((limit) => `limits.${limit}`)],
    windowFields: WINDOW,
  },
  // All QEMU versions that this libvirt supports have histograms.
  { libvirt: '12.1', histogramFields: HISTOGRAM },
  { libvirt: '12.3', hostMemoryFields: ['total', 'free', 'available', 'buffers', 'cached'] },
  { libvirt: '12.4', domainEvents: 30 },
  { libvirt: '12.7', guestInfoTypes: 0x1ff },
  { qemu: '11.1', pollingByDefault: NEWER_POLLING },
  {
    libvirt: '12.7',
    qemu: '11.1',
    ioThreadFields: [...POLLING, 'poll-weight'],
    pollingByDefault: { ...NEWER_POLLING, 'poll-weight': 3 },
  },
  // Seen.
  { libvirt: '12.9', definition: 'definition-libvirt-12.9.0.xml' },
];

/** XML by the names used in the test, and the first libvirt whose schema has it. */
const XML_SINCE: Readonly<Record<string, string>> = {
  'iothread poll': '9.4',
  'disk queue mapping': '10.0',
  'scsi queue mapping': '11.2',
  'throttle groups': '11.2',
  'disk statistics': '11.10',
  'latency histogram': '12.1',
  'iothread poll weight': '12.7',
};

/** Expected behaviour of a daemon of these versions. */
export function expectedOf({ libvirt, qemu }: HostVersions): Expected {
  const knownXml = Object.keys(XML_SINCE).filter((name) => libvirt >= versionNumber(XML_SINCE[name] ?? ''));
  const expected: Expected = { ...FIRST, knownXml };
  for (const { libvirt: first = '0', qemu: firstQemu = '0', ...change } of CHANGES)
    if (libvirt >= versionNumber(first) && qemu >= versionNumber(firstQemu)) Object.assign(expected, change);
  return expected;
}

export async function versionsOf(connection: Connection): Promise<HostVersions> {
  const [libvirt, qemu] = await Promise.all([
    connection.call('connectGetLibVersion', undefined),
    connection.call('connectGetVersion', undefined),
  ]);
  return { libvirt: Number(libvirt.version), qemu: Number(qemu.version) };
}
