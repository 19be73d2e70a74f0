import { type ConnectOptions, connect } from '../libvirt/client/connect.ts';
import type { Connection } from '../libvirt/client/connection.ts';
import type { PkiReader } from '../libvirt/transport/pki.ts';
import { connectionLimits } from '../sampler/connection-limits.ts';
import { SAMPLER_FRAME_MAX_BYTES } from '../sampler/frame-limit.ts';
import type { HostIdentity } from '../sampler/host-sample.ts';
import { Sampler } from '../sampler/sampler.ts';
import type { HostSettings } from './config/config.ts';
import { Scrapes, type ScrapesOptions } from './prometheus/scrape.ts';

export interface HostExporterOptions extends Omit<ScrapesOptions, 'groups' | 'inMaintenance'> {
  /** Called once for each statistic of libvirt that this version does not know. */
  readonly onUnknownStatistic: (name: string) => void;
  /** Called when the tuner's drift record becomes unusable. */
  readonly onDriftFailure?: ((error: Error) => void) | undefined;
  /** Called when the UUID of a host changes, and when another host has the same `host.id`. */
  readonly onWrongId?: ((message: string) => void) | undefined;
  /** Reads certificates for TLS connections. */
  readonly pki?: PkiReader | undefined;
}

/** One exported host: the sampler that queries it, and the scrapes made of its samples. */
export class HostExporter {
  readonly settings: HostSettings;
  readonly scrapes: Scrapes;
  readonly sampler: Sampler;
  /** Drops errors that follow from closing the connection here: they say nothing about the host. */
  readonly onFailure: (error: Error) => void;
  #isClosed = false;
  readonly #onWrongId: ((message: string) => void) | undefined;
  #identity: HostIdentity | undefined;
  /** Logs each pair once, although several sinks sample the host. */
  readonly #reportedSameId = new WeakSet<HostExporter>();

  constructor(settings: HostSettings, options: HostExporterOptions) {
    this.settings = settings;
    this.#onWrongId = options.onWrongId;
    this.onFailure = (error) => {
      if (!this.#isClosed) options.onFailure(error);
    };
    const open = (how: ConnectOptions): Promise<Connection> =>
      connect(settings.uri, {
        credentials: settings.credentials,
        maxFrameBytes: SAMPLER_FRAME_MAX_BYTES,
        pki: options.pki,
        observe: (name, durationMs, error) => this.scrapes.observeCall(name, durationMs, error),
        ...how,
      });
    this.sampler = new Sampler({
      ...connectionLimits(settings.uri),
      open: (signal) => open({ readOnly: true, signal }),
      openGuestAgent: (signal) => open({ guestAgentOnly: true, signal }),
      onGuestAgentFailure: (error) =>
        this.onFailure(new Error(`for its guests' agents: ${error.message}`, { cause: error })),
      onHostFailure: (part, error) =>
        this.onFailure(new Error(`for its ${part.replaceAll('_', ' ')}: ${error.message}`, { cause: error })),
      onUnknownStatistic: options.onUnknownStatistic,
      groups: settings.groups,
      procRoot: settings.procRoot,
      driftFile: settings.driftFile,
      onDriftFailure: options.onDriftFailure,
      cgroupRoot: settings.cgroupRoot,
      metadata: settings.metadata,
      domainDeadlineMs: settings.domainDeadlineMs,
      tickDeadlineMs: settings.tickDeadlineMs,
    });
    this.scrapes = new Scrapes(this.sampler, {
      ...options,
      onFailure: this.onFailure,
      groups: settings.groups,
      inMaintenance: settings.maintenance,
    });
  }

  /**
   * Call with the identity of each sample that is sent. If the firmware has no UUID that libvirt can read, each start
   * of the libvirt daemon generates another one (virSetHostUUIDStr, src/util/viruuid.c), which starts new series for
   * the host and its VMs.
   */
  noteIdentity(identity: HostIdentity | undefined): void {
    if (identity?.uuid === undefined) return;
    const before = this.#identity;
    this.#identity = identity;
    if (this.settings.hostId !== undefined || before === undefined) return;
    if (before.hostname !== identity.hostname || before.uuid === identity.uuid) return;
    this.#onWrongId?.(
      `libvirt reported ${before.uuid} as the UUID of ${this.#name}, and now ${identity.uuid}: host.id has changed with it, so the host and its VMs start new series; set host_uuid_source = "machine-id" in virtqemud.conf or libvirtd.conf on that host, or host_id in the configuration of the exporter`,
    );
  }

  /** @param other a host sent to the same server with the same `host.id` */
  noteSameId(other: HostExporter, id: string): void {
    if (this.#reportedSameId.has(other)) return;
    this.#reportedSameId.add(other);
    this.#onWrongId?.(
      `${other.#name} and ${this.#name} have the same host.id, ${id}, and count as one host: a search server stores the documents of the host, its NUMA cells and pools of only one of them per sample; if they are different machines, set another host_id for one of them in the configuration of the exporter, or, where virsh capabilities shows the same UUID on both, host_uuid_source = "machine-id" in virtqemud.conf or libvirtd.conf on both; if they are the same machine, configure it once`,
    );
  }

  get #name(): string {
    return this.settings.name ?? this.#identity?.hostname ?? this.settings.uri;
  }

  /** Closes after the sample in flight, which would otherwise fail and report the host as down. */
  async retire(): Promise<void> {
    await this.sampler.idle();
    await this.close();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.sampler.close();
  }
}
