import type { Residency } from '../../advice/residency.ts';
import type { HostRates } from '../../model/host-rates.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import type { History } from './history.ts';
import type { HostAdvice } from './host-advice.ts';
import type { Vm } from './vm.ts';

/** One host at one moment. */
export interface HostView {
  readonly name: string;
  readonly uri: string;
  /** The newest sample; absent before the first, and kept while the host is down. */
  readonly sample: HostSample | undefined;
  /** Why the host is down, and since when; absent while it is up. */
  readonly down: Down | undefined;
  readonly rates: HostRates | undefined;
  readonly vms: readonly Vm[];
  readonly history: History;
  /** By VM UUID. */
  readonly residency: Residency;
  readonly advice: HostAdvice;
}

export interface Down {
  readonly error: Error;
  readonly sinceMs: number;
  /** In a recording, which has no reason for the failure and no reconnect. */
  readonly isRecorded?: boolean;
}

/** All hosts at one moment: the input of a frame. */
export interface Scene {
  readonly atMs: number;
  readonly hosts: readonly HostView[];
  readonly vms: readonly Vm[];
}

export function sceneOf(hosts: readonly HostView[], atMs: number): Scene {
  return { atMs, hosts, vms: hosts.length === 1 ? (hosts[0]?.vms ?? []) : hosts.flatMap((host) => host.vms) };
}

/** Hosts that are down. */
export function downHosts(scene: Scene): readonly HostView[] {
  return scene.hosts.filter((host) => host.down !== undefined);
}

export function hostOf(scene: Scene, vm: Vm): HostView | undefined {
  return scene.hosts.find((host) => host.name === vm.host);
}

export function vmByKey(scene: Scene, key: string | undefined): Vm | undefined {
  return key === undefined ? undefined : scene.vms.find((vm) => vm.key === key);
}
