import { connect } from '../libvirt/client/connect.ts';
import { Sampler } from '../sampler/sampler.ts';
import type { HostSettings } from './config/config.ts';
import { Scrapes, type ScrapesOptions } from './prometheus/scrape.ts';

export type HostExporterOptions = Omit<ScrapesOptions, 'groups'>;

/** One host as it is exported: who asks it, and what is made of the answers. */
export class HostExporter {
  readonly settings: HostSettings;
  readonly scrapes: Scrapes;
  readonly sampler: Sampler;
  readonly onFailure: (error: Error) => void;

  constructor(settings: HostSettings, options: HostExporterOptions) {
    this.settings = settings;
    this.onFailure = options.onFailure;
    this.sampler = new Sampler({
      open: (signal) =>
        connect(settings.uri, {
          readOnly: true,
          credentials: settings.credentials,
          signal,
          observe: (name, durationMs, error) => this.scrapes.observeCall(name, durationMs, error),
        }),
      groups: settings.groups,
      procRoot: settings.procRoot,
      cgroupRoot: settings.cgroupRoot,
      metadata: settings.metadata,
      domainDeadlineMs: settings.domainDeadlineMs,
      tickDeadlineMs: settings.tickDeadlineMs,
    });
    this.scrapes = new Scrapes(this.sampler, { ...options, groups: settings.groups });
  }

  async close(): Promise<void> {
    await this.sampler.close();
  }
}
