import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { groupsToAsk } from '../../cli/top/sources.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { Recorder } from '../../sampler/record/recorder.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { checkScenario, type Scenario, type ScenarioInput } from '../../simulator/scenario.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';
import { HOSTILE_NAMES } from './hostile-names.ts';

/** `node test/tui/record.ts` writes the recordings for golden frames and screenshots. */
const FOLDER = join(import.meta.dirname, 'recordings');
/** Two in the afternoon, when simulated hosts are busiest. */
const START_MS = Date.parse('2026-03-02T14:00:00Z');
const TICK_MS = 1_000;
/** Ticks until guests, which report every 10 s, have rates of their counters. */
const GUEST_REPORTS = 22;

const hostile: ScenarioInput = {
  name: 'hostile-names',
  description: 'Every VM has a name that a terminal should not obey.',
  host: { memoryGiB: 64, coresPerSocket: 4 },
  vms: HOSTILE_NAMES.map((name, index) => ({
    name,
    workload: index % 2 === 0 ? ('web' as const) : ('batch' as const),
    vcpus: 1 + (index % 3),
    memoryMiB: 1_024,
    disks: [{ target: 'vda', sizeGiB: 10, cache: 'unsafe' as const }],
  })),
};

interface Take {
  readonly file: string;
  readonly scenario: Scenario;
  readonly ticks: number;
  /** Runs before a tick. */
  readonly before?: (tick: number, daemon: SimulatedDaemon) => void;
}

const TAKES: readonly Take[] = [
  {
    file: 'noisy-neighbour.rec',
    scenario: findScenario('noisy-neighbour'),
    ticks: 60,
    before: (tick, daemon) => {
      // While being watched, one VM hangs, one is stopped and one is started.
      if (tick === 40) daemon.faults.hang(daemon.vm('web-02'));
      if (tick === 45) daemon.vm('cache-01').stop(1);
      if (tick === 50) daemon.vm('template-debian').start(daemon.host.nextId());
    },
  },
  { file: 'memory-pressure.rec', scenario: findScenario('memory-pressure'), ticks: GUEST_REPORTS },
  { file: 'hostile-names.rec', scenario: checkScenario(hostile, 'hostile names'), ticks: 4 },
];

async function record({ file, scenario, ticks, before }: Take): Promise<void> {
  let nowMs = START_MS;
  const now = (): number => nowMs;
  const socket = temporarySocket();
  const daemon = new SimulatedDaemon(new SimulatedHost(scenario, { now }));
  await daemon.listen({ path: socket.path });
  const uri = `qemu:///system?socket=${socket.path}`;
  const asked = groupsToAsk();
  const sampler = new Sampler({
    open: (signal) => connect(uri, { readOnly: true, signal }),
    groups: asked,
    domainDeadlineMs: 300,
    now,
  });
  const path = join(FOLDER, file);
  rmSync(path, { force: true });
  const recorder = await Recorder.create(path);
  for (let tick = 0; tick < ticks; tick++) {
    before?.(tick, daemon);
    const sample = await sampler.sample();
    // A constant, since the speed of this machine does not matter.
    recorder.add(
      { name: scenario.name, uri: 'qemu+ssh://kvm1/system', groups: [...asked] },
      { ...sample, durationMs: 12 },
    );
    nowMs += TICK_MS;
  }
  await recorder.close();
  await sampler.close();
  await daemon.stop();
  socket.remove();
  console.log(path);
}

for (const take of TAKES) await record(take);
