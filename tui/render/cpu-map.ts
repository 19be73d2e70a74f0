import { pinOf } from '../../advice/pins.ts';
import { percent } from '../../model/format.ts';
import type { HostCell, HostCpu } from '../../model/topology.ts';
import type { HostView } from '../model/host-view.ts';
import { vcpuCount } from '../model/pins.ts';
import { isRunning } from '../model/vm.ts';
import { shortened } from '../text/cells.ts';
import { displayable } from '../text/displayable.ts';
import { fitLine, type Line, type Span, span } from '../text/line.ts';
import { heat } from './bar.ts';
import type { Context } from './context.ts';
import { downText } from './header.ts';

/**
 * CPUs by cell, socket, core and thread: a map of their utilization, then the vCPUs pinned to each and running there.
 */
export function cpuMap({ scene, size }: Context): Line[] {
  return scene.hosts.flatMap((host) => [
    ...(scene.hosts.length > 1 ? [[span(` ${displayable(host.name)}`, 'title')]] : []),
    ...hostMap(host, size.width, scene.atMs),
  ]);
}

function hostMap(host: HostView, width: number, atMs: number): Line[] {
  const cells = host.sample?.host?.topology?.cells;
  if (cells === undefined || cells.length === 0) {
    return [
      [span(` ${downText(host, atMs) ?? 'libvirt does not report the topology of this host'}`, 'missing')],
    ];
  }
  const pinned = pinnedTo(host);
  const seen = host.residency.now();
  const names = new Map(host.vms.map((vm) => [vm.sample.domain.uuid, vm.name]));
  return [
    legend(width),
    ...cells.flatMap((cell) => [cellLine(cell), ...heatLines(cell, host, pinned, width)]),
    [],
    ...cells.flatMap((cell) => [
      [
        span(` cell ${cell.id}`, 'tabOn'),
        span('   socket/core   CPU   busy   pinned: *dedicated   running now', 'dim'),
      ],
      ...coresOf(cell).flatMap((cpus) =>
        cpus.map((cpu, thread) => cpuLine(cpu, thread, host, { pinned, seen, names }, width)),
      ),
    ]),
  ];
}

function legend(width: number): Line {
  return fitLine(
    [
      span(' busy '),
      ...[
        [0, ' 0 '],
        [0.1, '<25'],
        [0.3, '<50'],
        [0.6, '<75'],
        [0.8, '<90'],
        [0.95, '90+'],
      ].flatMap(([share, text]) => [span(String(text), heat(Number(share))), span(' ')]),
      span(' %   * dedicated to one vCPU   ! dedicated to more than one', 'dim'),
    ],
    width,
  );
}

function cellLine(cell: HostCell): Line {
  const sockets = [...new Set(cell.cpus.map((cpu) => cpu.socketId))].filter((id) => id !== undefined);
  return [
    span(` cell ${cell.id}`, 'tabOn'),
    span(`  socket ${sockets.join(',') || '?'}, ${cell.cpus.length} CPUs`, 'dim'),
  ];
}

/** Groups threads by core, in the order of sockets and cores. */
function coresOf(cell: HostCell): HostCpu[][] {
  const cores = new Map<string, HostCpu[]>();
  for (const cpu of cell.cpus) {
    const core = `${cpu.socketId}/${cpu.dieId}/${cpu.coreId ?? `offline ${cpu.id}`}`;
    const threads = cores.get(core);
    if (threads === undefined) cores.set(core, [cpu]);
    else threads.push(cpu);
  }
  return [...cores.values()];
}

interface Pin {
  readonly name: string;
  readonly vcpu: number;
  /** Pinned to this single CPU. */
  readonly alone: boolean;
}

type Pinned = ReadonlyMap<number, readonly Pin[]>;

/**
 * Above this many vCPUs of a CPU that may run elsewhere too, only their number is shown: names would leave no room for
 * what runs there.
 */
const SHARED_SHOWN_MAX = 2;

/** vCPUs pinned to less than the whole host, by CPU. */
function pinnedTo(host: HostView): Pinned {
  const all = host.sample?.host?.cpusOnline ?? Number.POSITIVE_INFINITY;
  const byCpu = new Map<number, Pin[]>();
  for (const vm of host.vms) {
    if (!isRunning(vm)) continue;
    for (let vcpu = 0; vcpu < (vcpuCount(vm) ?? 0); vcpu++) {
      const pin = pinOf(vm.sample, vcpu);
      if (pin === undefined || pin.size >= all) continue;
      const entry = { name: vm.name, vcpu, alone: pin.size === 1 };
      for (const cpu of pin) {
        const entries = byCpu.get(cpu);
        if (entries === undefined) byCpu.set(cpu, [entry]);
        else entries.push(entry);
      }
    }
  }
  return byCpu;
}

function claims(pinned: Pinned, cpu: number): string {
  const alone = (pinned.get(cpu) ?? []).filter((each) => each.alone).length;
  return alone > 1 ? '!' : alone === 1 ? '*' : ' ';
}

const HEAT_WIDTH = 6;

/** Each core is a group of adjacent threads: ` 42*`. */
function heatLines(cell: HostCell, host: HostView, pinned: Pinned, width: number): Line[] {
  const lines: Span[][] = [];
  let line: Span[] = [span('  ')];
  let used = 2;
  for (const cpus of coresOf(cell)) {
    const needed = cpus.length * HEAT_WIDTH + 1;
    if (used + needed > width && used > 2) {
      lines.push(line);
      line = [span('  ')];
      used = 2;
    }
    for (const cpu of cpus) {
      const busy = host.rates?.byCpu.get(cpu.id)?.busy;
      const text =
        cpu.coreId === undefined
          ? ' off'
          : busy === undefined
            ? '   ?'
            : String(Math.round(busy * 100)).padStart(4);
      line.push(
        span(`${text}${claims(pinned, cpu.id)}`, busy === undefined ? 'missing' : heat(busy)),
        span(' '),
      );
    }
    line.push(span(' '));
    used += needed;
  }
  if (used > 2) lines.push(line);
  return lines;
}

function cpuLine(
  cpu: HostCpu,
  thread: number,
  host: HostView,
  {
    pinned,
    seen,
    names,
  }: {
    readonly pinned: Pinned;
    readonly seen: ReturnType<HostView['residency']['now']>;
    /** By UUID. */
    readonly names: ReadonlyMap<string, string>;
  },
  width: number,
): Line {
  const busy = host.rates?.byCpu.get(cpu.id)?.busy;
  const bound = pinned.get(cpu.id) ?? [];
  const dedicated = bound.filter(({ alone }) => alone);
  const shared = bound.filter(({ alone }) => !alone);
  const place = thread === 0 ? `${cpu.socketId ?? '?'}/${cpu.coreId ?? '?'}` : '';
  const isCounted = shared.length > SHARED_SHOWN_MAX;
  const pins = [
    ...(isCounted ? dedicated : bound).map(
      ({ name, vcpu, alone }) => `${alone ? '*' : ''}${shortened(displayable(name), 20)}:${vcpu}`,
    ),
    ...(isCounted ? [`${shared.length} vCPUs`] : []),
  ];
  const running = (seen.get(cpu.id) ?? [])
    .filter(({ run }) => run >= 0.005)
    .map(
      ({ key, vcpu, run }) =>
        `${shortened(displayable(names.get(key) ?? '?'), 20)}:${vcpu} ${percent(run * 100)}%`,
    );
  return fitLine(
    [
      span(`          ${place.padEnd(11)} `, 'dim'),
      span(`${String(cpu.id).padStart(5)}  `),
      span(
        cpu.coreId === undefined
          ? '   off'
          : busy === undefined
            ? '     ?'
            : `${percent(busy * 100).padStart(5)}%`,
        busy === undefined ? 'missing' : heat(busy),
      ),
      span('  '),
      span(pins.length === 0 ? '' : `${pins.join(' ')}   `, dedicated.length > 1 ? 'bad' : 'info'),
      span(running.join('  ')),
    ],
    width,
  );
}
