import type { Connection } from '../../libvirt/client/connection.ts';
import type { HostVersions } from '../../model/libvirt-features.ts';
import { versionNumber } from '../../model/versions.ts';

/** What daemons answer differently by version. All else in the contract holds for each. */
export interface Expected {
  /** Fields of nodeGetCpuStats and nodeGetMemoryStats, of the whole host. */
  readonly hostCpuFields: readonly string[];
  readonly hostMemoryFields: readonly string[];
  /** virDomainGuestInfoTypes that a daemon knows, as a mask. */
  readonly guestInfoTypes: number;
  /** virDomainEventID counts up to this. */
  readonly domainEvents: number;
  readonly hasThrottleGroups: boolean;
  readonly hasAutostartOnce: boolean;
  /** Names of statistics of a running disk and iothread, without what `<statistics>` adds. */
  readonly blockFields: readonly string[];
  readonly ioThreadFields: readonly string[];
  /** How QEMU polls where nothing is set. */
  readonly pollingByDefault: Readonly<Record<string, number>>;
  /** What a window of 10 s and a histogram of reads with two bins add to a disk's statistics. */
  readonly windowFields: readonly string[];
  readonly histogramFields: readonly string[];
  /** `<poll>` is in the definition, and setting it in a definition is possible. */
  readonly storesPolling: boolean;
  /** The type of `poll_grow` may be ullong. */
  readonly takesWidePolling: boolean;
  /** XML that the schema has and a definition keeps: by the test's own word. */
  readonly knownXml: readonly string[];
  /** The first definition has its controllers in the order that they keep. */
  readonly groupsControllers: boolean;
  /** vCPUs that a Q35 machine can have. */
  readonly q35VcpusMax: number;
  readonly keepsEmptyMetadata: boolean;
  /** Why a start with a share of 1 in the definition fails; a definition with it is refused with the same number, or taken. */
  readonly shareOfOne: { readonly define: number | 'taken'; readonly start: number };
  /** A definition with `stimer` needs the `hypervclock` timer. */
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
  /** The first libvirt or QEMU that answers so. */
  readonly libvirt?: string;
  readonly qemu?: string;
}

/**
 * In their order. NEWS of libvirt says since when; where it does not (`seen`), the first of the versions that the contract
 * runs on.
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
  // Each QEMU that this libvirt takes has histograms.
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

/** XML by the test's own word for it, and the first libvirt whose schema has it. */
const XML_SINCE: Readonly<Record<string, string>> = {
  'iothread poll': '9.4',
  'disk queue mapping': '10.0',
  'scsi queue mapping': '11.2',
  'throttle groups': '11.2',
  'disk statistics': '11.10',
  'latency histogram': '12.1',
  'iothread poll weight': '12.7',
};

/** What a daemon of these versions answers. */
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
