import { bytes, percent, ratio } from '../../model/format.ts';
import { availableKiB, missingOfHost, staleParts } from '../../model/host-missing.ts';
import { contentionRatio, cpuShortfall, isContended, ordinaryMemoryOf } from '../../model/overcommit.ts';
import { basePageKiB } from '../../model/topology.ts';
import { kibToBytes } from '../../model/units.ts';
import { versionText } from '../../model/versions.ts';
import type { HostView, Scene } from '../model/host-view.ts';
import { fit } from '../text/cells.ts';
import { displayable } from '../text/displayable.ts';
import { fitLine, type Line, span } from '../text/line.ts';
import { gauge } from './bar.ts';
import type { Context } from './context.ts';
import { libvirtText } from './detail-parts.ts';
import { downText } from './header.ts';
import { CONTENTION_BAD, verdictOf } from './verdict.ts';

/** Each host: hardware, load and allocation; then all hosts together after the loss of one. */
export function hostText({ scene, size }: Context): Line[] {
  return [...scene.hosts.flatMap((host) => oneHost(host, scene.atMs)), ...afterLoss(scene)].map((line) =>
    fitLine(line, size.width),
  );
}

const row = (name: string, ...rest: Line): Line => [span(`   ${name.padEnd(18)} `, 'dim'), ...rest];

function oneHost(host: HostView, atMs: number): Line[] {
  const { sample } = host;
  const down = downText(host, atMs);
  const title: Line = [
    span(` ${displayable(host.name)}`, 'title'),
    span(`  ${displayable(host.uri)}`, 'dim'),
  ];
  if (sample === undefined) return [title, row('libvirt', span(down ?? '', 'bad')), []];
  const figures = sample.host;
  const verdict = verdictOf(host);
  const hypervisor = sample.versions?.hypervisor;
  return [
    title,
    row(
      'libvirt',
      span(
        `${libvirtText(host)}${hypervisor === undefined ? '' : `, hypervisor ${versionText(hypervisor)}`}`,
      ),
    ),
    ...(down === undefined ? [] : [row('', span(down, 'bad'))]),
    row(
      'sampled in',
      span(
        `${sample.durationMs.toFixed(0)} ms, ${sample.domains.filter(({ outcome }) => outcome.kind === 'fresh').length} of ${sample.domains.length} VMs answered`,
      ),
    ),
    row('processor', span(displayable(figures?.topology?.cpuModel ?? '?'))),
    row('verdict', span(verdict.text, verdict.role)),
    ...cpuRows(host),
    ...overcommitRows(host),
    ...memoryRows(host),
    ...pressureRows(host),
    ...poolRows(host),
    ...staleRows(host),
    [],
  ];
}

function cpuRows(host: HostView): Line[] {
  const { rates, sample } = host;
  const figures = sample?.host;
  const shares = rates?.cpu;
  const load = figures?.local?.load;
  return [
    row('CPUs', span(`${figures?.cpusOnline ?? '?'} online of ${figures?.cpusPresent ?? '?'}`)),
    row(
      'CPU',
      ...gauge(shares?.busy ?? 0, 30),
      span(
        shares === undefined
          ? ' ...'
          : ` ${percent(shares.busy * 100)} %: user ${percent(shares.user * 100)}, kernel ${percent(shares.kernel * 100)}${shares.ioWait === undefined ? '' : `, I/O wait ${percent(shares.ioWait * 100)}`}${shares.steal === undefined ? '' : `, steal ${percent(shares.steal * 100)}`}`,
      ),
    ),
    ...(load === undefined ? [] : [row('load', span(load.map((each) => each.toFixed(2)).join(' ')))]),
  ];
}

function overcommitRows({ sample }: HostView): Line[] {
  const { overcommit, contention } = sample ?? {};
  if (overcommit === undefined) return [];
  const share = contention && contentionRatio(contention);
  const shownRatio = (value: number | undefined): string => (value === undefined ? '?' : ratio(value));
  return [
    row(
      'vCPUs',
      span(
        `${overcommit.vcpusRunning} running: ratio ${shownRatio(overcommit.vcpuRatio)}${(overcommit.vcpusPaused ?? 0) === 0 ? '' : `;  ${overcommit.vcpusPaused} paused`};  ${overcommit.vcpusDefined} defined: ratio ${shownRatio(overcommit.vcpuRatioDefined)}`,
      ),
    ),
    row(
      'contention',
      span(
        contention === undefined
          ? '... needs a second sample'
          : `${share === undefined ? '0' : percent(share * 100)} % of CPU demand not served; ${ratio(cpuShortfall(contention) ?? 0)} CPUs short`,
        contention !== undefined && isContended(contention, CONTENTION_BAD) ? 'bad' : 'text',
      ),
    ),
    row(
      'memory overcommit',
      span(
        `${bytes(kibToBytes(overcommit.memoryMaximumKiB))} maximum: ratio ${shownRatio(overcommit.memoryMaximumRatio)};  ${bytes(kibToBytes(overcommit.memoryCurrentKiB))} current: ratio ${shownRatio(overcommit.memoryCurrentRatio)}`,
      ),
    ),
    ...(overcommit.cpusDedicatedTwice === 0
      ? []
      : [
          row(
            'dedicated twice',
            span(`${overcommit.cpusDedicatedTwice} CPUs are dedicated to more than one vCPU`, 'bad'),
          ),
        ]),
  ];
}

function memoryRows({ sample }: HostView): Line[] {
  const memory = sample?.host?.memoryKiB;
  const [total, free] = [memory?.get('total'), memory?.get('free')];
  if (total === undefined || free === undefined) return [row('memory', span('not reported', 'missing'))];
  const caches = (memory?.get('cached') ?? 0) + (memory?.get('buffers') ?? 0);
  const local = sample?.host?.local;
  const available = sample?.host && availableKiB(sample.host);
  const ksm = sample?.host?.ksm;
  const topology = sample?.host?.topology;
  const pageKiB = topology && basePageKiB(topology);
  const [shared, sharing] = [ksm?.get('pages_shared'), ksm?.get('pages_sharing')];
  const swapTotal = local?.meminfoKiB.get('SwapTotal');
  return [
    row(
      'memory',
      ...gauge((total - free - caches) / total, 30),
      span(
        ` ${bytes(kibToBytes(total - free - caches))} used, ${bytes(kibToBytes(caches))} caches, ${bytes(kibToBytes(free))} free of ${bytes(kibToBytes(total))}`,
      ),
    ),
    ...(available === undefined ? [] : [row('available', span(bytes(kibToBytes(available))))]),
    ...(swapTotal === undefined
      ? []
      : [
          row(
            'swap',
            span(
              `${bytes(kibToBytes(swapTotal - (local?.meminfoKiB.get('SwapFree') ?? 0)))} of ${bytes(kibToBytes(swapTotal))}`,
            ),
          ),
        ]),
    ...(shared === undefined || sharing === undefined || pageKiB === undefined
      ? []
      : [
          row(
            'KSM',
            span(
              `${bytes(kibToBytes(sharing * pageKiB))} saved by ${bytes(kibToBytes(shared * pageKiB))} of merged pages`,
            ),
          ),
        ]),
  ];
}

function pressureRows(host: HostView): Line[] {
  const pressure = host.rates?.pressure;
  if (host.sample?.host?.local === undefined) {
    return [row('pressure (PSI)', span('available only where virtune runs on the host', 'missing'))];
  }
  if (pressure === undefined) return [row('pressure (PSI)', span('... needs a second sample', 'missing'))];
  if (pressure.size === 0) return [row('pressure (PSI)', span('not reported by this kernel', 'missing'))];
  return [...pressure].map(([resource, { some, full }]) =>
    row(
      `pressure ${resource}`,
      span(
        `some ${some === undefined ? '-' : percent(some * 100)} %   full ${full === undefined ? '-' : percent(full * 100)} %`,
      ),
    ),
  );
}

/** Queries about the host that libvirt has not answered, or not since the figures shown. */
function staleRows({ sample }: HostView): Line[] {
  if (sample?.host === undefined) return [];
  const missing = missingOfHost(sample.host)
    .filter(({ reason }) => IN_TROUBLE.has(reason))
    .map(({ part, reason }) => `${words(part)}: ${words(reason)}`);
  const stale = staleParts(sample.host).map(
    ({ part, ageMs, reason }) => `${words(part)}: ${Math.round(ageMs / 1_000)} s old, ${words(reason)}`,
  );
  return [
    ...(missing.length === 0 ? [] : [row('missing', span(missing.join('; '), 'warn'))]),
    ...(stale.length === 0 ? [] : [row('stale', span(stale.join('; '), 'warn'))]),
  ];
}

/** Reasons that mean a current problem, rather than an unsupported value. */
const IN_TROUBLE: ReadonlySet<string> = new Set(['unresponsive', 'error', 'no_connection']);

const words = (name: string): string => name.replaceAll('_', ' ');

function poolRows({ sample }: HostView): Line[] {
  const provisioned = new Map(
    sample?.overcommit?.pools.map(({ pool, provisionedBytes }) => [pool, provisionedBytes]),
  );
  return (sample?.host?.pools ?? []).map((pool) => {
    const label = `pool ${fit(displayable(pool.name), 12)}`;
    const { capacityBytes, allocationBytes } = pool;
    if (capacityBytes === undefined || allocationBytes === undefined) {
      return row(label, span(`no sizes: ${words(pool.missing ?? 'no_answer')}`, 'missing'));
    }
    const promised = provisioned.get(pool.name);
    return row(
      label,
      ...gauge(capacityBytes === 0 ? 0 : allocationBytes / capacityBytes, 30),
      span(
        ` ${bytes(allocationBytes)} of ${bytes(capacityBytes)}${promised === undefined ? '' : `, provisioned ${bytes(promised)}`}`,
        promised !== undefined && promised > capacityBytes ? 'warn' : 'text',
      ),
    );
  });
}

/** N-1: the ratios if the largest host failed and the others took over its VMs. */
function afterLoss({ hosts }: Scene): Line[] {
  const known = hosts.flatMap(({ sample }) => {
    const { host, overcommit } = sample ?? {};
    const memory = host && overcommit && ordinaryMemoryOf(host, overcommit);
    return host?.cpusOnline === undefined || overcommit === undefined || memory === undefined
      ? []
      : [{ cpus: host.cpusOnline, overcommit, ...memory }];
  });
  if (known.length < 2) return [];
  const sum = (read: (host: (typeof known)[number]) => number): number =>
    known.reduce((all, host) => all + read(host), 0);
  const largest = (read: (host: (typeof known)[number]) => number): number => Math.max(...known.map(read));
  const left = (read: (host: (typeof known)[number]) => number): number => sum(read) - largest(read);
  return [
    [span(' If the largest host fails', 'tabOn')],
    row(
      'vCPU:pCPU ratio',
      span(ratio(sum((host) => host.overcommit.vcpusRunning) / left((host) => host.cpus))),
    ),
    row('memory ratio', span(ratio(sum((host) => host.allocatedKiB) / left((host) => host.ordinaryKiB)))),
  ];
}
