import { expect, test } from 'vitest';
import { shellLine } from '../../model/shell-command.ts';
import { type VmSpec, viewAfter } from './scene-of.ts';

/** Kinds of findings of the first VM, after these samples. */
function found(...ticks: readonly (readonly VmSpec[])[]): string[] {
  return (viewAfter(...ticks).vms[0]?.findings ?? []).map(({ kind }) => kind);
}

/** Enough samples, one second apart, for a figure of load. */
const lasting = (at: (seconds: number) => VmSpec): VmSpec[][] =>
  [0, 1, 2, 3, 4].map((seconds) => [at(seconds)]);
const still = (spec: VmSpec): VmSpec[][] => lasting(() => spec);
const pinned = (...cpus: number[]): string =>
  `<cputune>${cpus.map((cpu, vcpu) => `<vcpupin vcpu='${vcpu}' cpuset='${cpu}'/>`).join('')}</cputune>`;
const disk = (driver: string, more = ''): string =>
  `<devices><disk type='file' device='disk'><driver ${driver}/><target dev='vda' bus='virtio'/>${more}</disk></devices>`;
/** Requests per second, and the duration of each. */
const reads = (seconds: number, perSecond: number, requestMs = 0.1): VmSpec['figures'] => ({
  'block.0.name': 'vda',
  'block.0.rd.reqs': seconds * perSecond,
  'block.0.rd.bytes': seconds * perSecond * 8_192,
  'block.0.rd.times': seconds * perSecond * requestMs * 1e6,
  'block.0.errors': 0,
});
/** Like a database: many small requests, with flushes. */
const transactions = (seconds: number): VmSpec['figures'] => ({
  ...reads(seconds, 900),
  'block.0.fl.reqs': seconds * 100,
  'block.0.fl.times': seconds * 1e6,
});

test('a VM without anything remarkable has no findings', () => {
  expect(found(...still({ figures: { 'vcpu.0.time': 1, 'vcpu.0.delay': 0 } }))).toEqual([]);
});

test.each<[string, readonly (readonly VmSpec[])[]]>([
  ['vm-unresponsive', [[{ outcome: 'unresponsive' }]]],
  ['vm-crashed', [[{ state: 6 }]]],
  [
    'job-running',
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
  ['vm-paused-io-error', [[{ state: 3, reason: 5 }]]],
  [
    'cpu-steal',
    lasting((seconds) => ({ figures: { 'vcpu.0.time': seconds * 8e8, 'vcpu.0.delay': seconds * 2e8 } })),
  ],
  [
    'dedicated-cpus-shared',
    lasting((seconds) => ({
      xml: pinned(0, 1),
      figures: { 'vcpu.0.time': seconds * 5e8, 'vcpu.0.delay': seconds * 5e8 },
    })).map(([vm]) => [vm as VmSpec, { ...vm, name: 'other', xml: pinned(0, 2) }]),
  ],
  ['numa-split', [[{ xml: pinned(0, 4) }]]],
  [
    'memory-remote',
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
  [
    'wide-vm',
    lasting((seconds) => ({
      xml: `<vcpu>2</vcpu><cputune><vcpupin vcpu='0' cpuset='3'/><vcpupin vcpu='1' cpuset='3'/></cputune>`,
      figures: {
        'vcpu.0.time': seconds * 5e8,
        'vcpu.0.delay': seconds * 4e8,
        'vcpu.1.time': seconds * 5e8,
        'vcpu.1.delay': seconds * 4e8,
      },
    })),
  ],
  [
    'vm-wider-than-cell',
    lasting((seconds) => ({
      xml: disk("type='raw' cache='none' io='native' iothread='1'"),
      figures: transactions(seconds),
      more: { fit: { widerThanHost: false, widerThanCell: true } },
    })),
  ],
  [
    'balloon-squeezed',
    lasting((seconds) => ({
      xml: '<memory>1000</memory><currentMemory>500</currentMemory>',
      figures: { 'balloon.swap_in': seconds * 100 },
    })),
  ],
  ['balloon-silent', [[{ xml: "<devices><memballoon model='virtio'/></devices>" }]]],
  [
    'backing-chain-deep',
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
  ['disk-cache-mode', lasting((seconds) => ({ xml: disk("type='raw'"), figures: transactions(seconds) }))],
  [
    'disk-io-mode',
    lasting((seconds) => ({ xml: disk("type='raw' cache='none'"), figures: transactions(seconds) })),
  ],
  ['iothread-missing', lasting((seconds) => ({ xml: disk("type='qcow2'"), figures: reads(seconds, 900) }))],
  ['disk-cache-unsafe', [[{ xml: disk("type='qcow2' cache='unsafe'") }]]],
  ['disk-slow', lasting((seconds) => ({ figures: reads(seconds, 10, 80) }))],
  [
    'disk-errors',
    lasting((seconds) => ({ figures: { ...reads(seconds, 1), 'block.0.errors': seconds > 2 ? 3 : 0 } })),
  ],
  [
    'nic-drops',
    lasting((seconds) => ({
      figures: { 'net.0.name': 'n', 'net.0.rx.drop': seconds * 50, 'net.0.rx.pkts': seconds * 100 },
    })),
  ],
  ['nic-emulated', lasting((seconds) => nic(seconds * 5_000))],
  [
    'small-pages',
    lasting((seconds) => ({
      xml: `<memory unit='GiB'>8</memory>${pinned(0, 1)}${disk("type='raw' cache='none' io='native' iothread='1'")}`,
      figures: transactions(seconds),
    })),
  ],
  ['snapshot-old', [[{ more: { extras: { snapshots: { count: 1, oldestAtSeconds: -8 * 86_400 } } } }]]],
])('%s is found', (kind, ticks) => {
  expect(found(...ticks)).toContain(kind);
});

function nic(packets: number): VmSpec {
  return {
    xml: "<devices><interface type='bridge'><target dev='n'/><model type='e1000'/></interface></devices>",
    figures: { 'net.0.name': 'n', 'net.0.rx.pkts': packets },
  };
}

test.each<[string, readonly (readonly VmSpec[])[]]>([
  ['an idle raw disk', still({ xml: disk("type='raw'"), figures: reads(0, 0) })],
  [
    'a raw disk that is driven natively',
    lasting((seconds) => ({
      xml: disk("type='raw' cache='none' io='native' iothread='1'"),
      figures: transactions(seconds),
    })),
  ],
  ['pins within one cell', [[{ xml: pinned(0, 1) }, { name: 'other', xml: pinned(2, 3) }]]],
  [
    'a VM over two cells whose guest knows them',
    [[{ xml: `<cpu><numa><cell id='0' cpus='0'/><cell id='1' cpus='1'/></numa></cpu>${pinned(0, 4)}` }]],
  ],
  [
    'VMs that claim the same CPUs and do not wait',
    [[{ xml: pinned(0, 1) }, { name: 'other', xml: pinned(0, 1) }]],
  ],
  [
    'steal in one sample of four',
    lasting((seconds) => ({
      figures: { 'vcpu.0.time': seconds * 5e8, 'vcpu.0.delay': seconds > 2 ? 4e8 : 0 },
    })),
  ],
  [
    'a balloon that took what the guest does not need',
    still({ xml: '<memory>1000</memory><currentMemory>500</currentMemory>' }),
  ],
])('%s is not a finding', (_, ticks) => {
  expect(found(...ticks)).toEqual([]);
});

test('each finding has the figure that proves it, and commands that name the VM as one argument', () => {
  const name = "evil'; reboot #";
  const view = viewAfter([{ name, outcome: 'unresponsive' }]);
  const [finding] = view.vms[0]?.findings ?? [];
  expect(finding?.evidence).toBe('for 5 s');
  expect(finding?.commands).toEqual([
    ['virsh', 'domcontrol', name],
    ['virtune', 'advise', '--explain', 'vm-unresponsive:uuid-of-'],
  ]);
  expect(shellLine(finding?.commands[0] ?? [])).toBe("virsh domcontrol 'evil'\\''; reboot #'");
});

test('a name that a program would take for an option is given by UUID, or behind --', () => {
  const view = viewAfter([{ name: '--help', xml: pinned(0, 4), outcome: 'unresponsive' }]);
  const commands = view.vms[0]?.findings.flatMap((finding) => finding.commands.map((argv) => argv.join(' ')));
  expect(commands).toEqual([
    'virsh domcontrol uuid-of---help',
    'virtune advise --explain vm-unresponsive:uuid-of-',
    'virtune tune plan --profile balanced -- --help',
    'virtune tune apply --profile balanced -- --help',
    'virtune advise --explain numa-split:uuid-of-',
  ]);
});

test('what costs a VM most of its time comes first', () => {
  const view = viewAfter([
    { xml: `${disk("type='qcow2' cache='unsafe'")}${pinned(0, 1)}`, outcome: 'unresponsive' },
  ]);
  expect(view.vms[0]?.findings.map(({ severity }) => severity)).toEqual(['bad', 'warn']);
});
