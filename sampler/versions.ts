import type { PartStatus } from '../model/host.ts';
import type { Background, BackgroundRead } from './background-read.ts';
import type { AskHost } from './host/host-connections.ts';
import type { HostVersions } from './host-sample.ts';

/**
 * Versions of hypervisor and libvirt, asked once per connection. For the hypervisor's version, a daemon that
 * was just installed first probes its QEMU, which takes seconds; libvirt's version is available earlier.
 */
export class Versions {
  readonly #hypervisor: BackgroundRead<number>;
  readonly #libvirt: BackgroundRead<number>;

  constructor(options: {
    readonly ask: AskHost;
    readonly background: Background;
    readonly steadyMs: () => number;
  }) {
    const add = (name: 'connectGetVersion' | 'connectGetLibVersion'): BackgroundRead<number> =>
      options.background.add({
        read: async () => Number((await options.ask(name, undefined)).version),
        refreshMs: Number.POSITIVE_INFINITY,
        maxAgeMs: Number.POSITIVE_INFINITY,
        steadyMs: options.steadyMs,
      });
    this.#hypervisor = add('connectGetVersion');
    this.#libvirt = add('connectGetLibVersion');
  }

  /** Undefined until the daemon has reported one of them. */
  get known(): HostVersions | undefined {
    const [hypervisor, libvirt] = [this.#hypervisor.value, this.#libvirt.value];
    return hypervisor === undefined && libvirt === undefined ? undefined : { hypervisor, libvirt };
  }

  /** The status of the missing one, if any. */
  get status(): PartStatus {
    const { status } = this.#hypervisor;
    return status.reason === undefined ? this.#libvirt.status : status;
  }

  startTick(): void {
    this.#hypervisor.start();
    this.#libvirt.start();
  }
}
