import { expect, test } from 'vitest';
import { DEFAULT_GROUPS } from '../../model/catalogue/catalogue.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import type { HostFigures } from '../../model/host.ts';
import type { HostCell, HostTopology } from '../../model/topology.ts';
import { HostModel } from '../../tui/model/host-model.ts';
import { type HostView, sceneOf } from '../../tui/model/host-view.ts';
import { cpuMap } from '../../tui/render/cpu-map.ts';
import { hostText } from '../../tui/render/host-text.ts';
import { numaText } from '../../tui/render/numa-text.ts';
import { INITIAL_STATE } from '../../tui/state/state.ts';
import { type Line, plain } from '../../tui/text/line.ts';
import { hostSample, type VmSpec } from './scene-of.ts';

/** One cell with 16 CPUs; offline ones are listed without a core, as by libvirt. */
function topologyOf({ pageKiB = 4, isOnline = (_: number): boolean => true } = {}): HostTopology {
  const cell: HostCell = {
    id: 0,
    memoryKiB: 16_777_216,
    pages: [
      { sizeKiB: pageKiB, total: 16_777_216 / pageKiB },
      { sizeKiB: 524_288, total: 0 },
    ],
    distances: new Map([[0, 10]]),
    cpus: Array.from({ length: 16 }, (_, id) => {
      const known = isOnline(id) ? 0 : undefined;
      return {
        id,
        socketId: known,
        dieId: known,
        coreId: known === undefined ? undefined : id,
        siblings: CpuSet.of([id]),
      };
    }),
  };
  return { arch: 'x86_64', cpuModel: undefined, cells: [cell], caches: [] };
}

function viewOf(
  topology: HostTopology,
  specs: readonly VmSpec[],
  ksm: HostFigures['ksm'] = new Map(),
): HostView {
  const model = new HostModel({ name: 'host', uri: 'qemu:///system', groups: DEFAULT_GROUPS });
  for (const second of [1, 2]) {
    const sample = hostSample(
      second * 1_000,
      specs.map((spec) => ({
        ...spec,
        figures: { ...spec.figures, 'vcpu.0.time': second * 1e9, 'vcpu.0.delay': 0, 'vcpu.0.state': 1 },
      })),
    );
    const host = sample.host ?? expect.unreachable();
    model.ingest({ ...sample, host: { ...host, topology, cpusOnline: 16, ksm } });
  }
  return model.view;
}

const linesOf = (draw: typeof cpuMap, view: HostView): string[] =>
  draw({
    scene: sceneOf([view], 2_000),
    state: INITIAL_STATE,
    session: { replay: undefined, recording: undefined },
    size: { width: 120, height: 40 },
  }).map((line: Line) => plain(line));

test('CPUs that are offline do not count as free capacity of their cell', () => {
  const pinned = [0, 1, 2, 3].map((cpu) => ({
    name: `vm${cpu}`,
    xml: `<vcpu>1</vcpu><cputune><vcpupin vcpu="0" cpuset="${cpu}"/></cputune>`,
  }));
  const text = linesOf(numaText, viewOf(topologyOf({ isOnline: (cpu) => cpu < 8 }), pinned)).join('\n');
  expect(text).toContain('cell 0: 4 vCPUs (CPUs 4-7)');
  expect(text).toContain('cell 0  CPUs 0-7');
});

test('where libvirt knows no cores, all CPUs count', () => {
  const text = linesOf(numaText, viewOf(topologyOf({ isOnline: () => false }), [])).join('\n');
  expect(text).toContain('cell 0: 16 vCPUs (CPUs 0-15)');
});

test('the line of a CPU shows who runs there, however many VMs share a set of CPUs', () => {
  const floating = Array.from({ length: 40 }, (_, vm) => ({
    name: `floating-vm-with-a-long-name-${vm}`,
    xml: '<vcpu cpuset="1-15">4</vcpu>',
  }));
  const dedicated = {
    name: 'dedicated',
    xml: '<vcpu>1</vcpu><cputune><vcpupin vcpu="0" cpuset="3"/></cputune>',
  };
  const runsHere = { ...dedicated, name: 'runs-here', xml: '<vcpu cpuset="1-15">1</vcpu>' };
  const view = viewOf(topologyOf(), [...floating, dedicated, runsHere]);
  const runs = { key: 'uuid-of-runs-here', vcpu: 0, cpu: 3, run: 0.42 };
  const seen = { now: () => new Map([[3, [runs]]]) } as unknown as HostView['residency'];
  const line = linesOf(cpuMap, { ...view, residency: seen }).find((each) => / 0\/3 +3 /.test(each)) ?? '';
  expect(line).toMatch(/ \*dedicated:0 161 vCPUs +runs-here:0 42.*%/);
});

test.each([
  [4, '1.0G saved by 512M'],
  [64, '16G saved by 8.0G'],
])('with pages of %d KiB KSM has %s', (pageKiB, text) => {
  const ksm = new Map([
    ['pages_shared', 131_072],
    ['pages_sharing', 262_144],
  ]);
  const view = viewOf(topologyOf({ pageKiB }), [], ksm);
  expect(linesOf(hostText, view).find((line) => line.includes('KSM'))).toContain(text);
});
