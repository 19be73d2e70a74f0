import { expect, test } from 'vitest';
import { shellLine } from '../../model/shell-command.ts';
import { type VmSpec, viewAfter } from './scene-of.ts';

/** Rules that find something about the first VM, after these samples. */
function found(...ticks: readonly (readonly VmSpec[])[]): string[] {
  return (viewAfter(...ticks).vms[0]?.findings ?? []).map(({ rule }) => rule);
}

const twice = (spec: VmSpec, later: VmSpec = spec): [VmSpec[], VmSpec[]] => [[spec], [later]];
const pinned = (...cpus: number[]): string =>
  `<cputune>${cpus.map((cpu, vcpu) => `<vcpupin vcpu='${vcpu}' cpuset='${cpu}'/>`).join('')}</cputune>`;
const disk = (driver: string, more = ''): string =>
  `<devices><disk type='file' device='disk'><driver ${driver}/><target dev='vda' bus='virtio'/>${more}</disk></devices>`;
const reads = (requests: number, ns = requests * 1e5): VmSpec['figures'] => ({
  'block.0.name': 'vda',
  'block.0.rd.reqs': requests,
  'block.0.rd.times': ns,
  'block.0.errors': 0,
});

test('a VM without anything remarkable has no findings', () => {
  expect(found(...twice({ figures: { 'vcpu.0.time': 1, 'vcpu.0.delay': 0 } }))).toEqual([]);
});

test.each<[string, readonly (readonly VmSpec[])[]]>([
  ['stuck', [[{ outcome: 'unresponsive' }]]],
  ['crashed', [[{ state: 6 }]]],
  [
    'job',
    [
      [
        {
          more: {
            extras: {
              job: {
                operation: 'backup',
                active: true,
                success: undefined,
                figures: new Map([['time_elapsed', 2_000]]),
              },
              events: new Map(),
            },
          },
        },
      ],
    ],
  ],
  ['paused-io-error', [[{ state: 3, reason: 5 }]]],
  [
    'steal',
    twice(
      { figures: { 'vcpu.0.time': 0, 'vcpu.0.delay': 0 } },
      { figures: { 'vcpu.0.time': 8e8, 'vcpu.0.delay': 2e8 } },
    ),
  ],
  ['dedicated-twice', [[{ xml: pinned(0, 1) }, { name: 'other', xml: pinned(1, 2) }]]],
  ['over-cells', [[{ xml: pinned(0, 4) }]]],
  [
    'memory-far',
    [
      [
        {
          more: {
            local: {
              missing: [],
              memoryMap: { nodeBytes: new Map(), remoteShare: 0.5, hugeBytes: 0, ksmMergedBytes: 0 },
            },
          },
        },
      ],
    ],
  ],
  ['wider-than-host', [[{ more: { fit: { widerThanHost: true, widerThanCell: true } } }]]],
  ['wider-than-cell', [[{ more: { fit: { widerThanHost: false, widerThanCell: true } } }]]],
  ['balloon-squeezed', [[{ xml: '<memory>1000</memory><currentMemory>500</currentMemory>' }]]],
  ['no-stats-period', [[{ xml: "<devices><memballoon model='virtio'/></devices>" }]]],
  [
    'deep-chain',
    [
      [
        {
          xml: disk(
            "type='qcow2'",
            "<backingStore><source file='a'/><backingStore><source file='b'/><backingStore><source file='c'/><backingStore><source file='d'/></backingStore></backingStore></backingStore></backingStore>",
          ),
        },
      ],
    ],
  ],
  [
    'io-threads',
    twice({ xml: disk("type='raw'"), figures: reads(0) }, { xml: disk("type='raw'"), figures: reads(200) }),
  ],
  [
    'no-iothread',
    twice(
      { xml: disk("type='qcow2'"), figures: reads(0) },
      { xml: disk("type='qcow2'"), figures: reads(900) },
    ),
  ],
  ['unsafe-cache', [[{ xml: disk("type='qcow2' cache='unsafe'") }]]],
  ['slow-disk', twice({ figures: reads(0) }, { figures: reads(10, 10 * 8e7) })],
  ['disk-errors', twice({ figures: reads(0) }, { figures: { ...reads(1), 'block.0.errors': 3 } })],
  [
    'nic-drops',
    twice(
      { figures: { 'net.0.name': 'n', 'net.0.rx.drop': 0, 'net.0.rx.pkts': 0 } },
      { figures: { 'net.0.name': 'n', 'net.0.rx.drop': 50, 'net.0.rx.pkts': 100 } },
    ),
  ],
  ['nic-emulated', twice(nic(0), nic(5_000))],
  ['small-pages', [[{ xml: `<memory unit='GiB'>8</memory>${pinned(0, 1)}` }]]],
  ['old-snapshot', [[{ more: { extras: { snapshots: { count: 1, oldestAtSeconds: -8 * 86_400 } } } }]]],
])('%s is found', (rule, ticks) => {
  expect(found(...ticks)).toContain(rule);
});

function nic(packets: number): VmSpec {
  return {
    xml: "<devices><interface type='bridge'><target dev='n'/><model type='e1000'/></interface></devices>",
    figures: { 'net.0.name': 'n', 'net.0.rx.pkts': packets },
  };
}

test.each<[string, readonly (readonly VmSpec[])[]]>([
  ['an idle raw disk', twice({ xml: disk("type='raw'"), figures: reads(0) })],
  [
    'a raw disk that is driven natively',
    twice(
      { xml: disk("type='raw' io='native' iothread='1'"), figures: reads(0) },
      { xml: disk("type='raw' io='native' iothread='1'"), figures: reads(900) },
    ),
  ],
  ['pins within one cell', [[{ xml: pinned(0, 1) }, { name: 'other', xml: pinned(2, 3) }]]],
  [
    'a VM over two cells whose guest knows them',
    [[{ xml: `<cpu><numa><cell id='0' cpus='0'/><cell id='1' cpus='1'/></numa></cpu>${pinned(0, 4)}` }]],
  ],
  [
    'a stopped VM that claims the same CPUs',
    [[{ xml: pinned(0, 1) }, { name: 'other', id: -1, state: 5, xml: pinned(0, 1) }]],
  ],
])('%s is not a finding', (_, ticks) => {
  expect(found(...ticks)).toEqual([]);
});

test('each finding has the figure that proves it, and a command that names the VM as one argument', () => {
  const name = "evil'; reboot #";
  const view = viewAfter([{ name, outcome: 'unresponsive' }]);
  const [finding] = view.vms[0]?.findings ?? [];
  expect(finding?.evidence).toBe('for 5 s');
  expect(finding?.command).toEqual(['virsh', 'domcontrol', name]);
  expect(shellLine(finding?.command ?? [])).toBe("virsh domcontrol 'evil'\\''; reboot #'");
});

test('a name that a program would take for an option is given by UUID, or behind --', () => {
  const view = viewAfter([{ name: '--help', xml: pinned(0, 4), outcome: 'unresponsive' }]);
  const commands = view.vms[0]?.findings.map(({ command }) => command?.join(' '));
  expect(commands).toEqual([
    'virsh domcontrol uuid-of---help',
    'virtune tune plan --profile oltp-database -- --help',
  ]);
});

test('the worst comes first', () => {
  const view = viewAfter([
    { xml: `${disk("type='qcow2' cache='unsafe'")}${pinned(0, 1)}`, outcome: 'unresponsive' },
  ]);
  expect(view.vms[0]?.findings.map(({ severity }) => severity)).toEqual(['bad', 'warn']);
});
