import type { PartStatus } from '../model/host.ts';
import type { Background, BackgroundRead } from './background-read.ts';
import type { AskHost } from './host/host-line.ts';
import type { HostVersions } from './host-sample.ts';

/**
 * What runs on the host, asked once a connection. For the hypervisor's version a daemon that has just been
 * installed first looks at its QEMU, which takes seconds: libvirt's version is there before.
 */
export class Versions {
  readonly #hypervisor: BackgroundRead<number>;
  readonly #libvirt: BackgroundRead<number>;

  constructor(options: {
    readonly ask: AskHost;
    readonly background: Background;
    readonly now: () => number;
  }) {
    const add = (name: 'connectGetVersion' | 'connectGetLibVersion'): BackgroundRead<number> =>
      options.background.add({
        read: async () => Number((await options.ask(name, undefined)).version),
        refreshMs: Number.POSITIVE_INFINITY,
        maxAgeMs: Number.POSITIVE_INFINITY,
        now: options.now,
      });
    this.#hypervisor = add('connectGetVersion');
    this.#libvirt = add('connectGetLibVersion');
  }

  /** Undefined where the daemon has said neither yet. */
  get known(): HostVersions | undefined {
    const [hypervisor, libvirt] = [this.#hypervisor.value, this.#libvirt.value];
    return hypervisor === undefined && libvirt === undefined ? undefined : { hypervisor, libvirt };
  }

  /** Of the one that is missing, where one is. */
  get status(): PartStatus {
    const { status } = this.#hypervisor;
    return status.reason === undefined ? this.#libvirt.status : status;
  }

  startTick(): void {
    this.#hypervisor.start();
    this.#libvirt.start();
  }
}
