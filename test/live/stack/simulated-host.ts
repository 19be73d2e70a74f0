import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulatedDaemon } from '../../../simulator/daemon.ts';
import { findScenario } from '../../../simulator/demo.ts';
import { SimulatedHost } from '../../../simulator/host.ts';
import { BURST_MS } from '../../../simulator/workload.ts';
import { VirtuneProcess } from '../../virtune-process.ts';
import { type HostCondition, startFakeProc } from './fake-proc.ts';
import { markTuned, type TunedVm } from './mark-tuned.ts';

/** A host of a scenario, and the exporter that watches it in a separate process. */
export interface WatchedHost {
  readonly name: string;
  readonly daemon: SimulatedDaemon;
  readonly exporter: VirtuneProcess;
  readonly target: string;
  /** URI of its libvirt. */
  readonly uri: string;
  /** Where its exporter reads the drift record. */
  readonly driftFile: string;
  stop(): Promise<void>;
}

/** The simulated time is the afternoon of a working day, whenever the tests run: the load is lower at night. */
const AFTERNOON_MS = Date.UTC(2026, 0, 15, 14);

/**
 * `faster`: factor by which the rules that watch it are faster; its load changes faster by the same factor. `tuned`:
 * VMs that are marked as tuned and were checked for drift.
 */
export async function watchHost(
  name: string,
  scenario: string,
  faster: number,
  condition?: HostCondition,
  tuned: readonly TunedVm[] = [],
): Promise<WatchedHost> {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-host-'));
  const startedMs = Date.now();
  const host = new SimulatedHost(findScenario(scenario), {
    name,
    now: () => AFTERNOON_MS + Date.now() - startedMs,
    burstMs: BURST_MS / faster,
  });
  const daemon = new SimulatedDaemon(host);
  const path = join(folder, 'libvirt-sock');
  await daemon.listen({ path });
  const uri = `qemu:///system?socket=${path}`;
  const driftFile = join(folder, 'drift.json');
  writeFileSync(driftFile, await markTuned(uri, { daemon, hostname: name, vms: tuned, atMs: startedMs }));
  const proc = condition === undefined ? undefined : startFakeProc(condition);
  const exporter = new VirtuneProcess(
    'exporter',
    ...['--connect', uri, '--listen', '127.0.0.1:0', '--collect.placement'],
    ...['--path.drift', driftFile],
    ...(proc === undefined ? [] : ['--local', '--path.procfs', proc.folder]),
  );
  const { host: target } = new URL(await exporter.url());
  return {
    name,
    daemon,
    exporter,
    target,
    uri,
    driftFile,
    stop: async () => {
      await exporter.stop();
      await daemon.stop();
      proc?.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
