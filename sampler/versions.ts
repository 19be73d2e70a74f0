import type { HostVersions } from './host-sample.ts';
import { Outstanding } from './outstanding.ts';

export type AskVersion = (
  name: 'connectGetVersion' | 'connectGetLibVersion',
) => Promise<{ readonly version: number | bigint } | 'late'>;

/**
 * What runs on the host, asked once a connection. For the hypervisor's version a daemon that has just been
 * installed first looks at its QEMU, which takes seconds: whoever asks meanwhile does without.
 */
export class Versions {
  readonly #outstanding = new Outstanding(1);
  #known: HostVersions | undefined;

  get known(): HostVersions | undefined {
    return this.#known;
  }

  forget(): void {
    this.#known = undefined;
  }

  /** Never rejects; undefined where the daemon has not told them yet. */
  async read(ask: AskVersion): Promise<HostVersions | undefined> {
    if (this.#known !== undefined) return this.#known;
    try {
      const told = await this.#outstanding.ask('versions', async () => {
        const hypervisor = await ask('connectGetVersion');
        const libvirt = hypervisor === 'late' ? 'late' : await ask('connectGetLibVersion');
        return hypervisor === 'late' || libvirt === 'late'
          ? undefined
          : { hypervisor: Number(hypervisor.version), libvirt: Number(libvirt.version) };
      });
      this.#known = told ?? this.#known;
    } catch {
      // Asked again at the next tick.
    }
    return this.#known;
  }
}
