import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { connect } from '../../../libvirt/client/connect.ts';
import type { Connection } from '../../../libvirt/client/connection.ts';
import { type Demo, startDemo } from '../../../simulator/demo.ts';
import type { SimulatedVm } from '../../../simulator/vm.ts';
import type { HistoryHost, Picture } from './history.ts';
import { User } from './user.ts';

export const NAMES = ['a', 'b', 'c'] as const;

/** Manual changes of a definition: the position and the XML. Some of them are dangerous. */
const BY_HAND = {
  nothing: [],
  pinned: [['<os>', "<cputune><vcpupin vcpu='0' cpuset='2'/></cputune><os>"]],
  'real-time, floating': [
    ['<os>', "<cputune><vcpusched vcpus='0' scheduler='fifo' priority='1'/></cputune><os>"],
  ],
  weights: [
    ['<os>', '<cputune><shares>512</shares><period>100000</period><quota>150000</quota></cputune><os>'],
  ],
  'emulator on one CPU': [['<os>', "<cputune><emulatorpin cpuset='1'/></cputune><os>"]],
  'locked without a limit': [['<os>', '<memoryBacking><locked/></memoryBacking><os>']],
  'limit and nodeset': [
    [
      '<os>',
      "<memtune><hard_limit unit='GiB'>12</hard_limit></memtune><numatune><memory mode='preferred' nodeset='0'/></numatune><os>",
    ],
  ],
} as const;

const vm = fc.record({
  vcpus: fc.integer({ min: 1, max: 4 }),
  memoryMiB: fc.constantFrom(2_048, 4_096),
  disks: fc.constantFrom(
    [{ target: 'vda', sizeGiB: 5, format: 'raw' }],
    [
      { target: 'vda', sizeGiB: 5, format: 'qcow2', cache: 'writeback' },
      { target: 'sda', sizeGiB: 5, format: 'raw' },
    ],
  ),
  ioThreads: fc.integer({ min: 0, max: 2 }),
  state: fc.constantFrom('running', 'running', 'running', 'shutoff', 'paused'),
  byHand: fc.constantFrom('nothing', 'nothing', ...(Object.keys(BY_HAND) as (keyof typeof BY_HAND)[])),
});

/** A host with three VMs. */
export const hosts = fc.record({
  host: fc.record({
    sockets: fc.integer({ min: 1, max: 2 }),
    coresPerSocket: fc.constantFrom(4, 8),
    threadsPerCore: fc.integer({ min: 1, max: 2 }),
    memoryGiB: fc.constant(64),
    hugepages: fc.constantFrom({ 2048: 8_192, 1048576: 4 }, { 2048: 0, 1048576: 0 }),
  }),
  vms: fc.tuple(vm, vm, vm),
});
type HostShape = typeof hosts extends fc.Arbitrary<infer T> ? T : never;

/** A simulated host on which histories are played, and users with separate state folders. */
export class SimulatedHistoryHost implements HistoryHost {
  readonly uri: string;
  /** Guests obey at once. */
  readonly restart = { shutdownMs: 10, settleMs: 1, forceOff: true };
  readonly users: readonly User[];
  readonly #demo: Demo;
  readonly #folder: string;
  /** Folder of profiles besides the built-in ones. */
  readonly profiles: string;
  readonly #connection: Connection;

  static async start({ host, vms }: HostShape): Promise<SimulatedHistoryHost> {
    const folder = mkdtempSync(join(tmpdir(), 'virtune-history-'));
    const scenario = join(folder, 'scenario.json');
    const named = vms.map(({ byHand: _, ...each }, index) => ({
      ...each,
      name: NAMES[index],
      workload: 'oltp',
      shutdownSeconds: 0,
    }));
    writeFileSync(
      scenario,
      JSON.stringify({ name: 'random', description: 'a random host', host, vms: named }),
    );
    const demo = await startDemo({ scenario });
    const started = new SimulatedHistoryHost(demo, folder, await connect(demo.uri, { readOnly: false }));
    for (const [index, { byHand, state }] of vms.entries()) {
      await started.#writeByHand(NAMES[index] ?? '', BY_HAND[byHand], state);
    }
    return started;
  }

  private constructor(demo: Demo, folder: string, connection: Connection) {
    this.#demo = demo;
    this.#folder = folder;
    this.#connection = connection;
    this.uri = demo.uri;
    this.profiles = join(folder, 'profiles');
    this.users = [0, 1].map(
      (user) => new User(demo.uri, join(folder, `user-${user}`), this.restart, [this.profiles]),
    );
  }

  async stop(): Promise<void> {
    await this.#connection.close();
    await this.#demo.stop();
    rmSync(this.#folder, { recursive: true });
  }

  mayRefuse(): boolean {
    return false;
  }

  picture(): Picture {
    const { host } = this.#demo.daemon;
    const of = <T>(value: (vm: SimulatedVm) => T): Record<string, T> =>
      Object.fromEntries(host.vms.map((each) => [each.name, value(each)]));
    return {
      definitions: of((each) => each.definition?.xml ?? ''),
      runs: of((each) => ({ state: each.state, xml: runOf(each, host.cpus.length - 1) })),
      host: host.cells.map(({ id }) => [2_048, 1_048_576].map((size) => host.hugepages.total(id, size))),
    };
  }

  async reboot(name: string): Promise<void> {
    const vm = this.#demo.daemon.vm(name);
    if (!vm.active) return;
    const { domain } = vm;
    const paused = vm.running ? 0 : 1;
    await this.#connection.call('domainDestroyFlags', { domain, flags: 0 });
    await this.#connection.call('domainCreateWithFlags', { domain, flags: paused });
  }

  /** Defines it through libvirt, which writes it in canonical form; a running VM is rebooted with it. */
  async #writeByHand(
    name: string,
    changes: readonly (readonly [string, string])[],
    state: string,
  ): Promise<void> {
    const { domain } = this.#demo.daemon.vm(name);
    const { xml } = await this.#connection.call('domainGetXmlDesc', { domain, flags: 3 });
    const changed = changes.reduce((text, [at, by]) => text.replace(at, by), xml);
    await this.#connection.call('domainDefineXmlFlags', { xml: changed, flags: 0 });
    if (state !== 'shutoff') await this.reboot(name);
  }
}

/**
 * The running state without what each start renews, and without meaningless leftovers of libvirt: a pin to every CPU,
 * which it writes once a pin was set, empty metadata, and iothreads by number.
 */
function runOf({ live }: SimulatedVm, lastCpu: number): string | undefined {
  const everywhere = new RegExp(
    ` *<(?:vcpupin vcpu='\\d+'|emulatorpin|iothreadpin iothread='\\d+') cpuset='0-${lastCpu}'/>\n`,
    'g',
  );
  return live?.xml
    .replace(/^<domain type='kvm' id='\d+'>/, '')
    .replaceAll(/ (dev='vnet|port=')\d+'/g, '')
    .replaceAll(everywhere, '')
    .replace(/ *<cputune>\n *<\/cputune>\n/, '')
    .replace(/ *<metadata\/>\n/, '')
    .replace(/ *<iothreadids>\n(?: *<iothread id='\d+'\/>\n)* *<\/iothreadids>\n/, '');
}
