import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulatedDaemon } from './daemon.ts';
import { SimulatedHost } from './host.ts';
import { type ReleaseName, releaseOf } from './release.ts';
import { checkScenario, loadScenarioFile, type Scenario, ScenarioError, withVmCount } from './scenario.ts';
import { scenarios } from './scenarios/all.ts';

export interface Demo {
  /** URI to connect to. */
  readonly uri: string;
  readonly daemon: SimulatedDaemon;
  readonly scenario: Scenario;
  stop(): Promise<void>;
}

export interface DemoOptions {
  /** The name of a bundled scenario, or the path of a JSON file. */
  readonly scenario?: string | undefined;
  /** Number of VMs, in place of the scenario's. */
  readonly vms?: number | undefined;
  readonly now?: (() => number) | undefined;
  /** The libvirt release to simulate; 9.0 by default. */
  readonly libvirt?: ReleaseName | undefined;
  /** Hostname; `simulated-host` by default. */
  readonly hostname?: string | undefined;
}

/** @throws ScenarioError when there is no scenario of that name. */
export function findScenario(nameOrPath: string): Scenario {
  if (Object.hasOwn(scenarios, nameOrPath))
    return checkScenario(scenarios[nameOrPath], `scenario ${nameOrPath}`);
  if (/[./]/.test(nameOrPath)) return loadScenarioFile(nameOrPath);
  const known = Object.keys(scenarios).join(', ');
  throw new ScenarioError(`unknown scenario "${nameOrPath}"; use ${known}, or the path of a JSON file`);
}

/** Starts a simulated libvirt daemon on a separate socket, in a folder that only this user can enter. */
export async function startDemo(options: DemoOptions = {}): Promise<Demo> {
  const base = findScenario(options.scenario ?? 'calm');
  const scenario = options.vms === undefined ? base : withVmCount(base, options.vms);
  const folder = mkdtempSync(join(tmpdir(), 'virtune-demo-'));
  const path = join(folder, 'libvirt-sock');
  const daemon = new SimulatedDaemon(
    new SimulatedHost(scenario, {
      ...(options.now !== undefined && { now: options.now }),
      ...(options.hostname !== undefined && { name: options.hostname }),
      ...(options.libvirt !== undefined && { release: releaseOf(options.libvirt) }),
    }),
  );
  await daemon.listen({ path });
  return {
    uri: `qemu:///system?socket=${path}`,
    daemon,
    scenario,
    stop: async () => {
      await daemon.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
