import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../libvirt/client/connect.ts';
import { Impact } from '../../libvirt/constants.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import type { SimulatedVm } from '../../simulator/vm.ts';
import { type Ended, VirtuneProcess } from '../virtune-process.ts';
import { Terminal } from './terminal.ts';

/** Demand depends on date and hour: at this one the host's CPUs have time for all, so steal is 0. */
const QUIET_AT_MS = Date.UTC(2026, 0, 15, 2);

/** The demo's untuned host at a quiet hour, and `virtune tune` as its users run it: processes with a separate journal. */
export class TunedDemo {
  readonly demo: Demo;
  readonly folder: string;

  static async start(hostname?: string): Promise<TunedDemo> {
    const startedAtMs = Date.now();
    const now = () => QUIET_AT_MS + Date.now() - startedAtMs;
    return new TunedDemo(await startDemo({ scenario: 'untuned', hostname, now }));
  }

  private constructor(demo: Demo) {
    this.demo = demo;
    this.folder = mkdtempSync(join(tmpdir(), 'virtune-tuned-'));
  }

  async stop(): Promise<void> {
    await this.demo.stop();
    rmSync(this.folder, { recursive: true });
  }

  get stateDir(): string {
    return join(this.folder, 'state');
  }

  vm(name: string): SimulatedVm {
    return this.demo.daemon.vm(name);
  }

  /** Pins its running first vCPU to the first CPU, like another program, or libvirt after a migration. */
  async movePin(name: string): Promise<void> {
    const writer = await connect(this.demo.uri, { readOnly: false });
    const map = Uint8Array.of(1, 0, 0, 0, 0, 0, 0);
    await writer.call('domainPinVcpuFlags', {
      domain: this.vm(name).domain,
      vcpu: 0,
      map,
      flags: Impact.live,
    });
    await writer.close();
  }

  begin(...args: readonly string[]): VirtuneProcess {
    return new VirtuneProcess('tune', ...this.#with(args));
  }

  run(...args: readonly string[]): Promise<Ended> {
    return this.begin(...args).ended;
  }

  onTerminal(...args: readonly string[]): Terminal {
    return new Terminal('tune', ...this.#with(args));
  }

  /** Parses standard output, which must be a single document. */
  async json(
    ...args: readonly string[]
  ): Promise<{ readonly code: number | null; readonly document: unknown }> {
    const { code, stdout, stderr } = await this.run(...args, '--json');
    try {
      return { code, document: JSON.parse(stdout) };
    } catch (error) {
      throw new Error(`${args.join(' ')} did not print JSON:\n${stdout}\n${stderr}`, { cause: error });
    }
  }

  /** Everything a tuner can change here, except what each start renews. */
  picture(): unknown {
    const { host } = this.demo.daemon;
    return {
      pools: [0, 1].map((cell) => host.hugepages.total(cell, 2_048)),
      vms: host.vms.map((vm) => [vm.name, vm.definition?.xml, runs(vm.live?.xml)]),
    };
  }

  #with([command = '', ...rest]: readonly string[]): string[] {
    return [command, '--connect', this.demo.uri, '--state-dir', this.stateDir, ...rest];
  }
}

/** After a pin was set, libvirt writes out pins to every CPU, which are equivalent to no pin. */
const EVERYWHERE = / *<(?:vcpupin vcpu='\d+'|emulatorpin) cpuset='0-55'\/>\n/g;

function runs(xml: string | undefined): string | undefined {
  return xml
    ?.replace(/^<domain type='kvm' id='\d+'>/, '')
    .replaceAll(/ (dev='vnet|port=')\d+'/g, '')
    .replaceAll(EVERYWHERE, '')
    .replace(/ *<cputune>\n *<\/cputune>\n/, '');
}
