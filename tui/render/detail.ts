import { bytes, count, milliseconds, percent } from '../../model/format.ts';
import { steadyStartMs } from '../../sampler/host-sample.ts';
import { findColumn, shown } from '../columns/column.ts';
import { vmColumns } from '../columns/vm-columns.ts';
import type { SeriesName } from '../model/history.ts';
import { type HostView, hostOf, vmByKey } from '../model/host-view.ts';
import type { Vm } from '../model/vm.ts';
import type { Detail } from '../state/state.ts';
import { displayable } from '../text/displayable.ts';
import { fitLine, type Line, span, widthOfLine } from '../text/line.ts';
import { type ChartOptions, chart } from './chart.ts';
import type { Context } from './context.ts';
import { deviceLines, factLines, missingLines, vcpuLines } from './detail-parts.ts';
import { findingLines } from './finding-lines.ts';
import { memoryLines } from './memory-bar.ts';
import { neighbourLines, storageNeighbourLines } from './neighbours.ts';

interface ChartSpec {
  readonly title: string;
  readonly lines: readonly { readonly name: SeriesName; readonly title: string }[];
  readonly scale: number;
  readonly minimumMax: number;
  readonly base: 1_000 | 1_024;
  readonly format: (value: number) => string;
}

const CHARTS: readonly ChartSpec[] = [
  {
    title: 'CPU %',
    lines: [{ name: 'cpu', title: 'used' }],
    scale: 100,
    minimumMax: 100,
    base: 1_000,
    format: percent,
  },
  {
    title: 'Steal %',
    lines: [{ name: 'steal', title: 'steal' }],
    scale: 100,
    minimumMax: 10,
    base: 1_000,
    format: percent,
  },
  {
    title: 'Memory',
    lines: [
      { name: 'memoryUsed', title: 'used' },
      { name: 'memoryGiven', title: 'balloon' },
    ],
    scale: 1,
    minimumMax: 2 ** 20,
    base: 1_024,
    format: bytes,
  },
  {
    title: 'Disk requests/s',
    lines: [
      { name: 'readRequests', title: 'read' },
      { name: 'writeRequests', title: 'write' },
    ],
    scale: 1,
    minimumMax: 10,
    base: 1_000,
    format: count,
  },
  {
    title: 'Disk latency ms',
    lines: [
      { name: 'readLatency', title: 'read' },
      { name: 'writeLatency', title: 'write' },
    ],
    scale: 1,
    minimumMax: 1,
    base: 1_000,
    format: milliseconds,
  },
  {
    title: 'Network bytes/s',
    lines: [
      { name: 'receiveBytes', title: 'in' },
      { name: 'transmitBytes', title: 'out' },
    ],
    scale: 1,
    minimumMax: 1_024,
    base: 1_024,
    format: bytes,
  },
];

const POINTS = 300;
const CHART_MIN_WIDTH = 36;
const CHART_MAX_WIDTH = 80;
const CHART_HEIGHT = 8;

/** The detail view of one VM, as scrollable text. */
export function detailView(
  context: Context,
  detail: Detail,
  height: number,
): {
  readonly lines: readonly Line[];
  readonly charts: number;
  readonly commands: readonly (readonly string[])[];
} {
  const { scene, size } = context;
  const vm = vmByKey(scene, detail.key);
  const host = vm && hostOf(scene, vm);
  if (vm === undefined || host === undefined) {
    return { lines: [[span(' the VM no longer exists; Esc to go back', 'warn')]], charts: 0, commands: [] };
  }
  const { width } = size;
  const head = headLines(vm, width);
  // The last command only explains the finding.
  const commands = vm.findings[0]?.commands.slice(0, -1) ?? [];
  if (detail.chart !== undefined) {
    const spec = CHARTS[detail.chart];
    const whole = spec && drawn(context, host, vm, spec, width, Math.max(6, height - head.length - 1));
    return { lines: [...head, [], ...(whole ?? [])], charts: CHARTS.length, commands };
  }
  const shown = detail.part === 'neighbours' ? 20 : 5;
  const neighbours = [
    ...section('Noisy neighbours', neighbourLines(host, vm, width, shown)),
    ...section('Storage neighbours', storageNeighbourLines(host, vm, width, shown)),
  ];
  const parts =
    detail.part === 'neighbours'
      ? [...neighbours, ...section('Findings', findingLines(vm, width))]
      : [
          ...section('Findings', findingLines(vm, width)),
          ...charts(context, host, vm),
          ...section('Memory', memoryLines(vm, width)),
          ...neighbours,
          ...section('vCPUs', vcpuLines(vm, width)),
          ...section('Disks', deviceLines('disks', vm, width)),
          ...section('NICs', deviceLines('nics', vm, width)),
          ...section('Facts', factLines(vm, width)),
          ...section('Missing figures', missingLines(vm, host)),
        ];
  return { lines: [...head, ...parts], charts: CHARTS.length, commands };
}

const HEAD_FIGURES = [
  'state',
  'vcpus',
  'cpu_percent',
  'steal_percent',
  'memory_used_bytes',
  'disk_requests_per_second',
  'disk_latency_milliseconds',
  'profile',
];

function headLines(vm: Vm, width: number): Line[] {
  const figures = HEAD_FIGURES.flatMap((id) => {
    const column = findColumn(vmColumns, id);
    const value = column?.read(vm);
    if (column === undefined || value === undefined) return [];
    return [
      span(` ${column.title} `, 'dim'),
      span(shown(column, value, vm), column.role?.(value, vm) ?? 'text'),
      span(' '),
    ];
  });
  return [
    fitLine(
      [
        span(` ${displayable(vm.name)} `, 'title'),
        span(`on ${displayable(vm.host)}  `, 'dim'),
        span(vm.sample.domain.uuid, 'dim'),
      ],
      width,
    ),
    fitLine(figures, width),
  ];
}

function section(title: string, lines: readonly Line[]): Line[] {
  return lines.length === 0 ? [] : [[], [span(` ${title}`, 'tabOn')], ...lines];
}

function charts(context: Context, host: HostView, vm: Vm): Line[] {
  const { width } = context.size;
  const columns = Math.max(
    1,
    Math.min(CHARTS.length, Math.floor(width / CHART_MIN_WIDTH), Math.ceil(width / CHART_MAX_WIDTH) + 1),
  );
  const each = Math.floor(width / columns);
  const lines: Line[] = [[]];
  for (let from = 0; from < CHARTS.length; from += columns) {
    const row = CHARTS.slice(from, from + columns).map((spec) =>
      drawn(context, host, vm, spec, each - 1, CHART_HEIGHT),
    );
    for (let y = 0; y < CHART_HEIGHT; y++) {
      lines.push(row.flatMap((one) => [...fitLine(one[y] ?? [], each - 1), span(' ')]));
    }
  }
  return lines;
}

function drawn(
  context: Context,
  host: HostView,
  vm: Vm,
  spec: ChartSpec,
  width: number,
  height: number,
): Line[] {
  const untilMs = host.sample && steadyStartMs(host.sample);
  // A cell has two dots: more points are not visible.
  const points = Math.min(POINTS, Math.max(20, (width - 8) * 2));
  const times = host.history.times(points, untilMs);
  const series = spec.lines.map(({ name, title }, index) => ({
    title,
    values: host.history.series(vm.key, name, points, untilMs).map((value) => value * spec.scale),
    role: index === 0 ? ('line1' as const) : ('line2' as const),
  }));
  const options: ChartOptions = {
    title: chartTitle(spec, series, width),
    series,
    minimumMax: spec.minimumMax,
    base: spec.base,
    format: spec.format,
    times,
    width,
    height,
    ascii: context.state.ascii,
  };
  return chart(options);
}

/** The current value and the maximum in the chart. */
function chartTitle(
  spec: ChartSpec,
  series: readonly {
    readonly title: string;
    readonly values: readonly number[];
    readonly role: 'line1' | 'line2';
  }[],
  width: number,
): Line {
  const title = span(` ${spec.title} `, 'key');
  const now = series.map(({ title: name, values, role }) => {
    const last = values.at(-1) ?? Number.NaN;
    return span(` ${name} ${Number.isNaN(last) ? '-' : spec.format(last)}`, role);
  });
  const highest = series.map(({ values }) => {
    const max = Math.max(...values.filter((value) => !Number.isNaN(value)));
    return span(Number.isFinite(max) ? ` max ${spec.format(max)}` : '', 'dim');
  });
  const whole = [title, ...now.flatMap((each, index) => [each, highest[index] ?? span('')])];
  return widthOfLine(whole) <= width ? whole : fitLine([title, ...now], width);
}
