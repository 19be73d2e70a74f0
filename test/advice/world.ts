import { HostWindow } from '../../advice/host-window.ts';
import type { HostObservation } from '../../advice/observation.ts';
import { groupsToAsk } from '../../cli/top/sources.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { readCpuShares } from '../../sampler/cpu-shares.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { RateTracker } from '../../sampler/rate-tracker.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { checkScenario, type ScenarioInput } from '../../simulator/scenario.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';

/** Two in the afternoon, when simulated hosts are busiest. */
const START_MS = Date.parse('2026-03-02T14:00:00Z');
const TICK_MS = 2_000;

/** A simulated host that is observed as by `virtune advise`, on a clock that the test advances. */
export class World {
  readonly daemon: SimulatedDaemon;
  readonly uri: string;
  readonly #socket = temporarySocket();
  readonly #sampler: Sampler;
  readonly #augment: (sample: HostSample) => HostSample;
  #nowMs = START_MS;

  /** `augment`: adds what the simulator cannot report, such as what only the host's /proc shows. */
  static async start(
    input: ScenarioInput,
    {
      startMs = START_MS,
      augment = (sample: HostSample): HostSample => sample,
    }: { readonly startMs?: number; readonly augment?: (sample: HostSample) => HostSample } = {},
  ): Promise<World> {
    const world = new World(input, startMs, augment);
    await world.daemon.listen({ path: world.#socket.path });
    return world;
  }

  private constructor(input: ScenarioInput, startMs: number, augment: (sample: HostSample) => HostSample) {
    this.#nowMs = startMs;
    this.#augment = augment;
    const now = (): number => this.#nowMs;
    this.daemon = new SimulatedDaemon(new SimulatedHost(checkScenario(input, input.name), { now }));
    this.uri = `qemu:///system?socket=${this.#socket.path}`;
    this.#sampler = new Sampler({
      open: (signal) => connect(this.uri, { readOnly: true, signal }),
      groups: groupsToAsk(),
      now,
    });
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Lets time pass without observing. */
  pass(ms: number): void {
    this.#nowMs += ms;
    this.daemon.host.advance();
  }

  async observe(samples = 12): Promise<HostObservation> {
    const groups = groupsToAsk();
    const window = new HostWindow({ uri: this.uri, groups });
    const tracker = new RateTracker();
    let newest: HostSample | undefined;
    for (let tick = 0; tick <= samples; tick++) {
      newest = this.#augment(await this.#sampler.sample());
      window.add(newest, tracker.next(newest));
      this.#nowMs += TICK_MS;
    }
    const connection = await connect(this.uri, { readOnly: true });
    try {
      const cpuShares = await readCpuShares(connection, newest?.domains.map(({ domain }) => domain) ?? []);
      return { ...(window.observation as HostObservation), cpuShares };
    } finally {
      await connection.close();
    }
  }

  async stop(): Promise<void> {
    await this.#sampler.close();
    await this.daemon.stop();
    this.#socket.remove();
  }
}
