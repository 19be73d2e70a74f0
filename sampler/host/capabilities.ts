import type { PartStatus } from '../../model/host.ts';
import { type HostTopology, hostUuid, parseCapabilities } from '../../model/topology.ts';
import type { Background, BackgroundRead } from '../background-read.ts';
import type { AskHost } from './host-line.ts';

/** CPUs and huge pages come and go by hand; no event says so. */
const REFRESH_MS = 300_000;
const MAX_AGE_MS = 3_600_000;

/**
 * What the host is made of, asked once for all that want it: topology and identity. The call takes seconds
 * while the daemon looks at a QEMU that it does not know yet.
 */
export class Capabilities {
  readonly #read: BackgroundRead<HostTopology>;
  readonly #wantsTopology: boolean;
  #uuid: string | undefined;
  #hasAnswered = false;
  /** Called with each new topology, before anybody who waits for the call goes on. */
  onTopology: () => void = () => undefined;

  constructor(options: {
    readonly ask: AskHost;
    readonly background: Background;
    readonly wantsTopology: boolean;
    readonly now: () => number;
  }) {
    const { ask, background, now, wantsTopology } = options;
    this.#wantsTopology = wantsTopology;
    this.#read = background.add({
      read: async () => {
        const { xml } = await ask('connectGetCapabilities', undefined);
        this.#recordUuid(hostUuid(xml));
        return parseCapabilities(xml);
      },
      refreshMs: wantsTopology ? REFRESH_MS : Number.POSITIVE_INFINITY,
      maxAgeMs: MAX_AGE_MS,
      now,
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

  /** The host's UUID, as libvirt has it; undefined where the daemon does not say. */
  get uuid(): string | undefined {
    return this.#uuid;
  }

  /** Whether the daemon has answered once since it was connected to, with whatever. */
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
