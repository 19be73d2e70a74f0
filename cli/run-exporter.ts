import { parseListenAddress } from '../exporter/http/listen-address.ts';
import { type RunningServer, serve } from '../exporter/http/server.ts';
import { Scrapes } from '../exporter/prometheus/scrape.ts';
import type { Credentials } from '../libvirt/auth/mechanism.ts';
import { connect } from '../libvirt/client/connect.ts';
import { parseUri } from '../libvirt/uri.ts';
import type { GroupName } from '../model/catalogue/catalogue.ts';
import { Sampler } from '../sampler/sampler.ts';
import { log } from './log.ts';
import { readVersion } from './version.ts';

export interface RunExporterOptions {
  readonly uri: string;
  readonly listen: string;
  /** What to ask for; the catalogue's defaults when not given. */
  readonly groups?: ReadonlySet<GroupName> | undefined;
  /** `/proc` of the host that is asked; absent when virtune does not run there. */
  readonly procRoot?: string | undefined;
  readonly credentials?: Credentials | undefined;
  readonly domainDeadlineMs?: number | undefined;
  readonly tickDeadlineMs?: number | undefined;
}

export interface RunningExporter {
  readonly url: string;
  close(): Promise<void>;
}

/** A failure that goes on is said once a minute, not at every scrape. */
const REPEAT_AFTER_MS = 60_000;

/**
 * Connects, then serves. Rejects when libvirt cannot be asked now: a wrong URI or a missing permission is
 * told at once; what fails later is met by reconnecting.
 */
export async function runExporter(options: RunExporterOptions): Promise<RunningExporter> {
  const address = parseListenAddress(options.listen);
  parseUri(options.uri);
  const sampler = new Sampler({
    open: (signal) => connect(options.uri, { readOnly: true, credentials: options.credentials, signal }),
    groups: options.groups,
    procRoot: options.procRoot,
    domainDeadlineMs: options.domainDeadlineMs,
    tickDeadlineMs: options.tickDeadlineMs,
  });
  const version = readVersion();
  let server: RunningServer;
  try {
    await sampler.attempt();
    const scrapes = new Scrapes(sampler, { version, groups: options.groups, onFailure: sayNowAndThen() });
    server = await serve({ scrapes, health: () => sampler.health, version, onError: sayInternal }, address);
  } catch (error) {
    await sampler.close();
    throw error;
  }
  return {
    url: server.url,
    close: async () => {
      await server.close();
      await sampler.close();
    },
  };
}

function sayInternal(error: Error): void {
  log(`virtune: a request could not be answered, please report it: ${error.stack ?? error.message}`);
}

function sayNowAndThen(): (error: Error) => void {
  let saidAtMs = Number.NEGATIVE_INFINITY;
  let saidMessage = '';
  return (error) => {
    const nowMs = performance.now();
    if (error.message === saidMessage && nowMs - saidAtMs < REPEAT_AFTER_MS) return;
    saidAtMs = nowMs;
    saidMessage = error.message;
    log(`virtune: the host cannot be asked: ${error.message}`);
  };
}
