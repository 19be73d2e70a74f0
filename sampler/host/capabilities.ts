import type { PartStatus } from '../../model/host.ts';
import { type HostTopology, hostUuid, parseCapabilities } from '../../model/topology.ts';
import type { Background, BackgroundRead } from '../background-read.ts';
import type { AskHost } from './host-connections.ts';

/** CPUs and huge pages are changed by the administrator; no event reports it. */
const REFRESH_MS = 300_000;
const MAX_AGE_MS = 3_600_000;

/**
 * Topology and identity of the host, from one call for all that need them. The call takes seconds while the
 * daemon probes a QEMU that it does not know yet.
 */
export class Capabilities {
  readonly #read: BackgroundRead<HostTopology>;
  readonly #wantsTopology: boolean;
  #uuid: string | undefined;
  #hasAnswered = false;
  /** Called for each new topology, before those waiting for the call continue. */
  onTopology: () => void = () => undefined;

  constructor(options: {
    readonly ask: AskHost;
    readonly background: Background;
    readonly wantsTopology: boolean;
    readonly steadyMs: () => number;
  }) {
    const { ask, background, steadyMs, wantsTopology } = options;
    this.#wantsTopology = wantsTopology;
    this.#read = background.add({
      read: async () => {
        const { xml } = await ask('connectGetCapabilities', undefined);
        this.#recordUuid(hostUuid(xml));
        return parseCapabilities(xml);
      },
      refreshMs: wantsTopology ? REFRESH_MS : Number.POSITIVE_INFINITY,
      maxAgeMs: MAX_AGE_MS,
      steadyMs,
      onAnswer: () => this.onTopology(),
      onFailure: (_error, reason) => {
        if (reason !== 'no_connection') this.#recordUuid(this.#uuid);
      },
    });
  }

  get topology(): HostTopology | undefined {
    return this.#wantsTopology ? this.#read.value : undefined;
  }

  /** Whether a group asks for the topology. */
  get isAsked(): boolean {
    return this.#wantsTopology;
  }

  get status(): PartStatus {
    return this.#read.status;
  }

  /** The host's UUID as libvirt reports it; undefined if it does not. */
  get uuid(): string | undefined {
    return this.#uuid;
  }

  /** Whether the daemon has answered since the connection was opened, even with an error. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  startTick(): void {
    this.#read.start();
  }

  forget(): void {
    this.#uuid = undefined;
    this.#hasAnswered = false;
  }

  #recordUuid(uuid: string | undefined): void {
    this.#uuid = uuid;
    this.#hasAnswered = true;
  }
}
