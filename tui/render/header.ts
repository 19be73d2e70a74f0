import { bytes, duration, percent, ratio } from '../../model/format.ts';
import { isHurtBySwap } from '../../model/host-rates.ts';
import { contentionRatio, type Overcommit } from '../../model/overcommit.ts';
import { kibToBytes } from '../../model/units.ts';
import { downHosts, type HostView, type Scene, vmByKey } from '../model/host-view.ts';
import { stateOf } from '../model/vm.ts';
import { VIEW_NAMES, VIEWS } from '../state/views.ts';
import { fit, shortened } from '../text/cells.ts';
import { displayable } from '../text/displayable.ts';
import { fitLine, type Line, type Role, type Span, span, spread } from '../text/line.ts';
import { bar, gauge } from './bar.ts';
import type { Context } from './context.ts';
import { verdictOf } from './verdict.ts';

const HOST_LINES_MAX = 4;
/** Minimum screen width for gauges beside a verdict. */
const GAUGES_FROM_WIDTH = 110;
/** Width of most verdicts, which aligns what follows. */
const VERDICT_WIDTH = 20;

/** The interval in the title, ms; undefined for a recording, which has its own intervals. */
export interface TitleInterval {
  readonly delayMs: number | undefined;
}

function intervalOf({ session, state }: Context): TitleInterval {
  return { delayMs: session.replay === undefined ? state.delayMs : undefined };
}

/**
 * The lines above the rows: hosts, their state, and whether overcommit hurts. With more hosts than `hostsMax`, those
 * that are down are shown first, then those in trouble; the title counts all that are down.
 */
export function header(
  context: Context,
  { interval = intervalOf(context), hostsMax = hostLines(context.size.height) }: HeaderOptions = {},
): Line[] {
  const { scene, size } = context;
  const hosts =
    scene.hosts.length === 1
      ? oneHost(scene.hosts[0] as HostView, size.width, scene.atMs)
      : worstOf(scene.hosts, hostsMax, hostRank).map((host) => hostLine(host, size.width, scene.atMs));
  return [titleLine(context, interval), ...hosts, tabs(context)];
}

export interface HeaderOptions {
  readonly interval?: TitleInterval;
  /** Maximum number of host lines, when there are several hosts. */
  readonly hostsMax?: number;
}

/** The `max` hosts of lowest rank, in their original order, so that lines keep their places while no host fails. */
function worstOf(
  hosts: readonly HostView[],
  max: number,
  rankOf: (host: HostView) => number,
): readonly HostView[] {
  if (hosts.length <= max) return hosts;
  const chosen = new Set(hosts.toSorted((a, b) => rankOf(a) - rankOf(b)).slice(0, max));
  return hosts.filter((host) => chosen.has(host));
}

function hostRank(host: HostView): number {
  if (host.down !== undefined) return 0;
  if (host.sample === undefined) return 2;
  const { role } = verdictOf(host);
  return role === 'bad' ? 1 : role === 'warn' ? 3 : 4;
}

/**
 * The lines above a view without a header: the same title with its clock and flags, and each host that is down.
 * `always`: even if there is nothing to warn about.
 */
export function statusLines(context: Context, always: boolean): Line[] {
  const { scene, state, session, size } = context;
  const ofDetail = vmByKey(scene, state.detail?.key)?.host;
  const down = worstOf(downHosts(scene), hostLines(size.height), ({ name }) =>
    name === ofDetail ? 0 : 1,
  ).map((host) => {
    const name = scene.hosts.length === 1 ? '' : ` ${fit(displayable(host.name), 14)}`;
    return fitLine([span(name, 'key'), span(` ${downText(host, scene.atMs)}`, 'bad')], size.width);
  });
  const isLive = !state.frozen && session.replay === undefined && session.recording === undefined;
  return !always && isLive && down.length === 0 ? [] : [titleLine(context, intervalOf(context)), ...down];
}

function hostLines(height: number): number {
  return height < 30 ? 2 : HOST_LINES_MAX;
}

function titleLine({ scene, state, session, size }: Context, { delayMs }: TitleInterval): Line {
  const names =
    scene.hosts.length === 1
      ? displayable(scene.hosts[0]?.name ?? '', state.ascii)
      : `${scene.hosts.length} hosts`;
  const down = downHosts(scene).length;
  const left: Span[] = [
    span(' virtune top ', 'title'),
    span(shortened(names, 30), 'info'),
    span(scene.hosts.length === 1 || down === 0 ? '' : `, ${down} down`, 'bad'),
    span('  '),
    ...counts(scene),
  ];
  const flags: Span[] = [];
  if (state.frozen) flags.push(span(' FROZEN ', 'warn'));
  if (session.recording !== undefined) flags.push(span(' REC ', 'bad'));
  if (session.replay !== undefined) {
    const { index, count: samples, playing } = session.replay;
    flags.push(span(` REPLAY ${index + 1}/${samples}${playing ? ' >' : ''} `, 'warn'));
  }
  if (state.filter !== '')
    flags.push(span(` filter ${shortened(displayable(state.filter, state.ascii), 20)} `, 'warn'));
  if (state.onlyTagged) flags.push(span(' tagged ', 'warn'));
  if (state.follow) flags.push(span(' follow ', 'warn'));
  const interval = delayMs === undefined ? '' : ` ${delayMs / 1_000} s`;
  const right = [...flags, span(` ${clock(scene.atMs)}${interval} `, 'dim')];
  return spread(left, right, size.width);
}

/** `15 VMs  12 running  1 paused  2 stale`: the current state of VMs on a host that is down is unknown. */
function counts(scene: Scene): Span[] {
  const by = new Map<string, number>();
  for (const { down, vms } of scene.hosts) {
    for (const vm of vms) {
      const state = down === undefined ? stateOf(vm) : 'stale';
      by.set(state, (by.get(state) ?? 0) + 1);
    }
  }
  const roles: Readonly<Record<string, Role>> = {
    paused: 'warn',
    crashed: 'bad',
    stuck: 'bad',
    stale: 'bad',
  };
  const spans = [span(`${scene.vms.length} VMs`)];
  for (const name of ['running', 'paused', 'stuck', 'crashed', 'off', 'stale']) {
    const found = by.get(name);
    if (found !== undefined) spans.push(span('  '), span(`${found} ${name}`, roles[name] ?? 'dim'));
  }
  return spans;
}

/** UTC, as in CSV, JSON and logs: `14:00:58Z`. */
function clock(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(11, 19)}Z`;
}

/** `34 vCPUs running, 2 paused, 40 defined`. */
function vcpuCounts({ vcpusRunning, vcpusPaused, vcpusDefined }: Overcommit): string {
  const paused = (vcpusPaused ?? 0) === 0 ? '' : `, ${vcpusPaused} paused`;
  return `${vcpusRunning} vCPUs running${paused}, ${vcpusDefined} defined`;
}

/** Status of a host that is down or not connected yet. */
export function downText(host: HostView, atMs: number): string | undefined {
  if (host.down === undefined) {
    return host.sample === undefined ? 'connecting to libvirt ...' : undefined;
  }
  const { error, sinceMs, isRecorded } = host.down;
  const lasts = duration((atMs - sinceMs) / 1_000);
  const text = displayable(error.message);
  return isRecorded === true
    ? `${text} for ${lasts}`
    : `libvirt not reachable for ${lasts}; retrying. ${text}`;
}

function oneHost(host: HostView, width: number, atMs: number): Line[] {
  const down = downText(host, atMs);
  if (down !== undefined) {
    return [
      fitLine([span(` ${down}`, host.down === undefined ? 'dim' : 'bad')], width),
      fitLine([], width),
      fitLine([], width),
    ];
  }
  return [cpuLine(host, width), memoryLine(host, width), overcommitLine(host, width)];
}

function cpuLine(host: HostView, width: number): Line {
  const { rates, sample } = host;
  const barWidth = Math.max(12, Math.min(40, Math.floor(width / 4)));
  const shares = rates?.cpu;
  const parts: Line =
    shares === undefined
      ? bar([], barWidth)
      : bar(
          [
            { share: shares.user, role: 'bar1', glyph: '|' },
            { share: shares.kernel, role: 'bar2', glyph: '+' },
            { share: shares.ioWait ?? 0, role: 'box', glyph: '.' },
            { share: shares.steal ?? 0, role: 'bar3', glyph: '#' },
          ],
          barWidth,
        );
  const overcommit = sample?.overcommit;
  const cpus = sample?.host?.cpusOnline;
  return fitLine(
    [
      span(' CPU ', 'key'),
      ...parts,
      span(shares === undefined ? '      ... ' : ` ${percent(shares.busy * 100).padStart(5)} % `),
      span(`of ${cpus ?? '?'} CPUs`, 'dim'),
      span(overcommit === undefined ? '' : `  ${vcpuCounts(overcommit)}`, 'dim'),
      span(
        shares?.steal === undefined || shares.steal < 0.001 ? '' : `  steal ${percent(shares.steal * 100)} %`,
        'bad',
      ),
    ],
    width,
  );
}

function memoryLine(host: HostView, width: number): Line {
  const memory = host.sample?.host?.memoryKiB;
  const local = host.sample?.host?.local?.meminfoKiB;
  const total = memory?.get('total');
  const free = memory?.get('free');
  const barWidth = Math.max(12, Math.min(40, Math.floor(width / 4)));
  if (total === undefined || free === undefined)
    return fitLine([span(' Mem ', 'key'), span('not reported', 'missing')], width);
  const caches = (memory?.get('cached') ?? 0) + (memory?.get('buffers') ?? 0);
  const used = Math.max(0, total - free - caches);
  const overcommit = host.sample?.overcommit;
  const swap = host.rates?.swapIn;
  return fitLine(
    [
      span(' Mem ', 'key'),
      ...bar(
        [
          { share: used / total, role: used / total > 0.9 ? 'bar3' : 'bar1', glyph: '|' },
          { share: caches / total, role: 'bar2', glyph: '.' },
        ],
        barWidth,
      ),
      span(` ${percent((used / total) * 100).padStart(5)} % `),
      span(`of ${bytes(kibToBytes(total))}`, 'dim'),
      span(
        overcommit === undefined
          ? ''
          : `  VMs: ${bytes(kibToBytes(overcommit.memoryCurrentKiB))} current, ${bytes(kibToBytes(overcommit.memoryMaximumKiB))} maximum`,
        'dim',
      ),
      span(
        local === undefined
          ? ''
          : `  swap ${bytes(kibToBytes((local.get('SwapTotal') ?? 0) - (local.get('SwapFree') ?? 0)))}`,
        'dim',
      ),
      span(
        swap === undefined || swap < 1 ? '' : ` in ${swap.toFixed(0)} pages/s`,
        host.rates !== undefined && isHurtBySwap(host.rates) ? 'bad' : 'dim',
      ),
    ],
    width,
  );
}

/** Overcommit ratio, contention and pressure together, as in dashboards and alerts. */
function overcommitLine(host: HostView, width: number): Line {
  const verdict = verdictOf(host);
  const overcommit = host.sample?.overcommit;
  const contention = host.sample?.contention && contentionRatio(host.sample.contention);
  const figures = [
    `vCPU:pCPU ratio ${overcommit?.vcpuRatio === undefined ? '?' : ratio(overcommit.vcpuRatio)}`,
    `contention ${host.sample?.contention === undefined ? '...' : contention === undefined ? '0' : percent(contention * 100)} %`,
    `memory ratio ${overcommit?.memoryMaximumRatio === undefined ? '?' : ratio(overcommit.memoryMaximumRatio)}`,
  ];
  const pressure = host.rates?.pressure;
  for (const resource of ['cpu', 'memory', 'io']) {
    const some = pressure?.get(resource)?.some;
    if (some !== undefined) figures.push(`PSI ${resource} ${percent(some * 100)} %`);
  }
  return fitLine(
    [span(' ', 'text'), span(verdict.text, verdict.role), span(`  ${figures.join('  ')}`, 'dim')],
    width,
  );
}

/** The line of one host among several. */
function hostLine(host: HostView, width: number, atMs: number): Line {
  const name = fit(displayable(host.name), 14);
  const down = downText(host, atMs);
  if (down !== undefined)
    return fitLine([span(` ${name} `, 'key'), span(down, host.down === undefined ? 'dim' : 'bad')], width);
  const busy = host.rates?.cpu?.busy;
  const memory = host.sample?.host?.memoryKiB;
  const total = memory?.get('total');
  const used =
    total === undefined
      ? undefined
      : total - (memory?.get('free') ?? 0) - (memory?.get('cached') ?? 0) - (memory?.get('buffers') ?? 0);
  const verdict = verdictOf(host);
  const overcommit = host.sample?.overcommit;
  // The verdict matters more than gauges of the figures beside it.
  const gauged = (share: number): Line => (width < GAUGES_FROM_WIDTH ? [] : gauge(share, 12));
  return fitLine(
    [
      span(` ${name} `, 'key'),
      span('CPU ', 'dim'),
      ...gauged(busy ?? 0),
      span(busy === undefined ? '    ... ' : ` ${percent(busy * 100).padStart(5)} %`),
      span('  Mem ', 'dim'),
      ...gauged(total === undefined || used === undefined ? 0 : used / total),
      span(
        total === undefined || used === undefined
          ? '     ?  '
          : ` ${percent((used / total) * 100).padStart(5)} %`,
      ),
      span('  '),
      span(verdict.text.padEnd(VERDICT_WIDTH), verdict.role),
      span(`  ${host.vms.length} VMs`, 'dim'),
      span(`  ratio ${overcommit?.vcpuRatio === undefined ? '?' : ratio(overcommit.vcpuRatio)}`, 'dim'),
    ],
    width,
  );
}

/** Position of each tab, for mouse clicks. */
export function tabPlaces(): {
  readonly view: (typeof VIEW_NAMES)[number];
  readonly from: number;
  readonly to: number;
}[] {
  let at = 1;
  return VIEW_NAMES.map((view) => {
    const from = at;
    at += VIEWS[view].title.length + 4;
    return { view, from, to: at - 2 };
  });
}

function tabs({ state, size }: Context): Line {
  const spans: Span[] = [span(' ')];
  for (const view of VIEW_NAMES) {
    spans.push(span(`${VIEWS[view].key} `, 'key'));
    spans.push(span(VIEWS[view].title, view === state.view ? 'tabOn' : 'tab'), span('  '));
  }
  return fitLine(spans, size.width);
}
