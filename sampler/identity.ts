import type { PartStatus } from '../model/host.ts';
import type { Background, BackgroundRead } from './background-read.ts';
import type { Capabilities } from './host/capabilities.ts';
import type { AskHost } from './host/host-connections.ts';
import type { HostIdentity } from './host-sample.ts';

/**
 * The host's identity, asked once per connection. Absent until the daemon has answered both calls: half of an
 * identity could be mistaken for another host's.
 */
export class Identity {
  readonly #hostname: BackgroundRead<string>;
  readonly #capabilities: Capabilities;
  #isNamed = false;

  constructor(options: {
    readonly ask: AskHost;
    readonly background: Background;
    readonly capabilities: Capabilities;
    readonly steadyMs: () => number;
  }) {
    const { ask, background, capabilities, steadyMs } = options;
    this.#capabilities = capabilities;
    this.#hostname = background.add({
      read: async () => (await ask('connectGetHostname', undefined)).hostname,
      refreshMs: Number.POSITIVE_INFINITY,
      maxAgeMs: Number.POSITIVE_INFINITY,
      steadyMs,
      onAnswer: () => {
        this.#isNamed = true;
      },
      onFailure: (_error, reason) => {
        this.#isNamed = reason !== 'no_connection';
      },
    });
  }

  get known(): HostIdentity | undefined {
    if (!this.#isNamed || !this.#capabilities.hasAnswered) return undefined;
    return { hostname: this.#hostname.value, uuid: this.#capabilities.uuid };
  }

  get status(): PartStatus {
    const { status } = this.#hostname;
    if (this.known !== undefined) return status;
    return { ageMs: undefined, reason: status.reason ?? this.#capabilities.status.reason };
  }

  startTick(): void {
    this.#hostname.start();
    if (!this.#capabilities.hasAnswered) this.#capabilities.startTick();
  }

  forget(): void {
    this.#isNamed = false;
  }
}
