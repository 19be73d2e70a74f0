import {
  chooseGroups,
  type ExporterConfig,
  type HostSettings,
  readConfig,
} from '../exporter/config/config.ts';
import {
  type ElasticsearchOptions,
  serverSettings,
  sinkSettings,
} from '../exporter/elasticsearch/settings.ts';
import { ElasticsearchSink } from '../exporter/elasticsearch/sink.ts';
import { HostExporter } from '../exporter/host-exporter.ts';
import { parseListenAddress } from '../exporter/http/listen-address.ts';
import { type RunningServer, serve } from '../exporter/http/server.ts';
import { OPEN_WEB, readWebConfig, type WebConfig } from '../exporter/http/web-config.ts';
import { NdjsonOutput, type OutputOptions } from '../exporter/ndjson/ndjson-output.ts';
import { OtlpSink } from '../exporter/otlp/otlp-sink.ts';
import { type OtlpOptions, otlpSettings, receiverSettings } from '../exporter/otlp/settings.ts';
import { ProcessMetrics } from '../exporter/prometheus/process-metrics.ts';
import { RememberedFiles } from '../exporter/remembered-files.ts';
import { checkSeparateQueues } from '../exporter/separate-queues.ts';
import { SinkSlot } from '../exporter/sink-slot.ts';
import { Targets } from '../exporter/targets.ts';
import type { Credentials } from '../libvirt/auth/mechanism.ts';
import type { LibvirtErrorCode } from '../libvirt/errors.ts';
import { parseUri } from '../libvirt/uri.ts';
import type { GroupName } from '../model/catalogue/catalogue.ts';
import type { CompatName } from '../model/catalogue/compat.ts';
import { ConfigError } from '../model/config-error.ts';
import { errorText, log } from './log.ts';
import { readVersion } from './version.ts';

/** Budget of the sample at start, so that a scraper that arrives during it with a short timeout does not wait long. */
const WARM_UP_MS = 500;

export interface RunExporterOptions {
  /** When absent, the configuration file decides, else `defaultUri`. */
  readonly uri?: string | undefined;
  /** Used when neither names one. Default: `qemu:///system`, unless the file lists hosts. */
  readonly defaultUri?: string | undefined;
  readonly listen: string;
  /** File descriptors of sockets to serve on instead; at least one. */
  readonly sockets?: readonly number[] | undefined;
  /** Overrides of the groups enabled by default or by the file. */
  readonly collect?: Readonly<Partial<Record<GroupName, boolean>>> | undefined;
  /** `/proc` of the host to sample; absent when virtune does not run there. */
  readonly procRoot?: ((uri: string) => string | undefined) | undefined;
  /** Where the tuner records drift; the file names its host, and applies to no other. */
  readonly driftFile?: string | undefined;
  /** Where the host's control groups are mounted. */
  readonly cgroupRoot?: string | undefined;
  readonly credentials?: Credentials | undefined;
  readonly domainDeadlineMs?: number | undefined;
  readonly tickDeadlineMs?: number | undefined;
  /** Other exporters whose metric names are emitted in addition to ours. */
  readonly compat?: readonly CompatName[] | undefined;
  readonly configFile?: string | undefined;
  readonly webConfigFile?: string | undefined;
  /** Starts serving while the local libvirt is not running or not responding; `libvirt_up` is 0 until it answers. */
  readonly waitForLibvirt?: boolean | undefined;
  /** Whether POST /-/reload is answered. */
  readonly lifecycle?: boolean | undefined;
  /** Sinks for samples, from the configuration file's options and the flags; absent for none. */
  readonly elasticsearch?:
    | ((file: ElasticsearchOptions | undefined) => ElasticsearchOptions | undefined)
    | undefined;
  /** The same for an OTLP receiver. */
  readonly otlp?: ((file: OtlpOptions | undefined) => OtlpOptions | undefined) | undefined;
  /** Where to write samples as JSON lines; absent for none. */
  readonly output?: OutputOptions | undefined;
}

export interface RunningExporter {
  readonly url: string;
  /** The libvirt behind /metrics, if there is one. */
  readonly local: string | undefined;
  /** False while still waiting for that libvirt. */
  readonly isConnected: boolean;
  readonly hosts: readonly string[];
  /** Reopens the output and reads both files again. Rejects when one is invalid, and then applies nothing of either. */
  reload(): Promise<void>;
  /** Resolves with the reason once the output can never be written again; the process should then end. */
  readonly outputClosed: Promise<Error>;
  close(): Promise<void>;
}

/** A persistent failure is logged once a minute, not at every scrape. */
const REPEAT_AFTER_MS = 60_000;

/**
 * Errors that go away once the daemon is started. Not a wrong URI, missing permissions, or a peer that is not libvirt.
 */
const TRANSIENT_CODES: ReadonlySet<unknown> = new Set<LibvirtErrorCode>([
  'LIBVIRT_NOT_FOUND',
  'LIBVIRT_REFUSED',
  'LIBVIRT_UNREACHABLE',
  'LIBVIRT_CONNECT_TIMEOUT',
]);

/**
 * Connects, then serves. Rejects when the first connection to the local libvirt fails: a wrong URI or a missing
 * permission should be reported at once. Later failures are handled by reconnecting, and so is a daemon that is not
 * running yet, with `waitForLibvirt`.
 */
export async function runExporter(options: RunExporterOptions): Promise<RunningExporter> {
  const address =
    options.sockets === undefined ? parseListenAddress(options.listen) : { fds: options.sockets };
  const onFailure = logRateLimited();
  const version = readVersion();
  const onUnknownStatistic = logUnknownStatistics(version);
  const process = new ProcessMetrics(version);
  const files = new RememberedFiles((message) => log(`virtune: ${message}`));
  const { config, web } = await readFiles(options);
  const onWrongId = (message: string): void => log(`virtune: ${message}`);
  const targets = new Targets({
    onFailure,
    onUnknownStatistic,
    onWrongId,
    compat: options.compat,
    pki: files,
  });
  const openLocal = (settings: HostSettings): HostExporter =>
    new HostExporter(settings, {
      process,
      onFailure,
      onUnknownStatistic,
      onWrongId,
      onDriftFailure: (error) => log(`virtune: ${errorText(error)}`),
      compat: options.compat,
      pki: files,
    });
  const settings = localSettings(options, config);
  if (settings === undefined && (config?.hosts.size ?? 0) === 0) {
    throw new ConfigError(
      `${options.configFile}: no host to monitor: local is false and no hosts are configured; set one of them`,
    );
  }
  const outputClosed = Promise.withResolvers<Error>();
  const output =
    options.output &&
    (await NdjsonOutput.open({
      options: options.output,
      version,
      log: (message) => log(`virtune: ${message}`),
      onClosed: outputClosed.resolve,
    }));
  targets.configure(config ?? { hosts: new Map() });
  let local = settings && openLocal(settings);
  const common = { version, log: (message: string) => log(`virtune: ${message}`) };
  const slot = {
    hosts: () => ({ local, others: targets.all() }),
    onLost: (error: Error) =>
      log(`virtune: sending has stopped: the previous queue cannot be reopened: ${errorText(error)}`),
  };
  const search = new SinkSlot({
    ...slot,
    settingsOf: (options: ElasticsearchOptions) => sinkSettings(options, files.fresh),
    open: (settings, options) =>
      ElasticsearchSink.open({ ...common, settings, reread: () => serverSettings(options, files.read) }),
  });
  const otlp = new SinkSlot({
    ...slot,
    settingsOf: (options: OtlpOptions) => otlpSettings(options, files.fresh),
    open: (settings, options) =>
      OtlpSink.open({ ...common, settings, reread: () => receiverSettings(options, files.read) }),
  });
  process.also = (format) => search.text(format) + otlp.text(format) + (output?.text(format) ?? '');
  const watchForOutput = (): Promise<void> | undefined =>
    output?.watch(local === undefined ? targets.all() : [local, ...targets.all()]);
  const searchOptions = (of: ExporterConfig | undefined): ElasticsearchOptions | undefined =>
    (options.elasticsearch ?? ((file) => file))(of?.elasticsearch);
  const otlpOptions = (of: ExporterConfig | undefined): OtlpOptions | undefined =>
    (options.otlp ?? ((file) => file))(of?.otlp);
  const checkSinks = async (of: ExporterConfig | undefined): Promise<void> => {
    const [searched, sent] = [searchOptions(of), otlpOptions(of)];
    await search.check(searched);
    await otlp.check(sent);
    if (searched !== undefined && sent !== undefined) await checkSeparateQueues(searched, sent);
  };
  /** Applies to both sinks or to neither. */
  const useSinks = async (of: ExporterConfig | undefined): Promise<void> => {
    const goBack = await search.use(searchOptions(of));
    await otlp.use(otlpOptions(of)).catch(async (error) => {
      await goBack();
      throw error;
    });
  };
  const watchSinks = async (): Promise<void> => {
    await search.watch();
    await otlp.watch();
  };
  const closeSinks = async (): Promise<void> => {
    await Promise.all([search.close(), otlp.close()]);
  };
  const applyConfig = async (): Promise<void> => {
    // Read and check everything before using any of it.
    const next = await readFiles(options);
    const nextLocal = localSettings(options, next.config);
    server.checkConfigurable(next.web);
    await checkSinks(next.config);
    // Can fail when a queue is in use; nothing after it fails.
    await useSinks(next.config);
    server.configure(next.web);
    const gone = next.config === undefined ? [] : targets.configure(next.config);
    const before = local;
    if (nextLocal?.fingerprint !== local?.settings.fingerprint) local = nextLocal && openLocal(nextLocal);
    if (local !== undefined) local.scrapes.inMaintenance = nextLocal?.maintenance === true;
    await watchSinks();
    await watchForOutput();
    // Deliver the sinks' last samples of removed hosts; a scrape may still be in progress.
    if (before !== local && before !== undefined) gone.push(before);
    await Promise.all(gone.map((host) => host.retire()));
  };
  /** For log rotation; independent of the configuration. */
  const reopenOutput = (): Promise<void> | undefined =>
    output?.reopen().catch((error: Error) => {
      log(`virtune: the output file could not be reopened, the old one stays in use: ${errorText(error)}`);
    });
  let reloading: Promise<void> = Promise.resolve();
  const reload = (): Promise<void> => {
    // Serialized: concurrent reloads would close what the other opened.
    const taken = reloading
      .then(reopenOutput)
      .then(applyConfig)
      .then(
        () => {
          process.configRead(true);
          log('virtune: the configuration was reloaded');
        },
        (error: Error) => {
          process.configRead(false);
          log(
            `virtune: the configuration was not reloaded, the old one stays in use; correct this and reload again: ${errorText(error)}`,
          );
          throw error;
        },
      );
    reloading = taken.catch(() => undefined);
    return taken;
  };
  let server: RunningServer;
  try {
    await checkSinks(config);
    if (local !== undefined) await firstAttempt(local, options.waitForLibvirt === true);
    await useSinks(config);
    await watchSinks();
    await watchForOutput();
    server = await serve(
      {
        get local() {
          if (local === undefined) return undefined;
          const { scrapes, sampler, onFailure } = local;
          return { scrapes, health: () => sampler.health, onFailure };
        },
        loopDelay: process.loopDelay,
        process,
        targets: options.configFile === undefined ? undefined : targets,
        reload: options.lifecycle === true ? reload : undefined,
        version,
        onError: logInternalError,
      },
      address,
      web,
    );
    // Rates need a previous sample: after this one the first scrape already has rates, and the XML has been read.
    void local?.sampler.sample(WARM_UP_MS).catch((error: Error) => local?.onFailure(error));
  } catch (error) {
    await closeSinks();
    await output?.close();
    await local?.close();
    throw error;
  }
  return {
    url: server.url,
    local: local?.settings.uri,
    get isConnected() {
      return local?.sampler.health.control.kind === 'open';
    },
    get hosts() {
      return targets.names;
    },
    reload,
    outputClosed: outputClosed.promise,
    close: async () => {
      await server.close();
      await closeSinks();
      await output?.close();
      await Promise.all([local?.close(), targets.close()]);
    },
  };
}

/** @throws the error of the attempt, unless `waits` is set and the error may go away: it is then logged */
async function firstAttempt({ sampler, onFailure }: HostExporter, waits: boolean): Promise<void> {
  try {
    await sampler.attempt();
  } catch (error) {
    if (!waits || !TRANSIENT_CODES.has((error as { readonly code?: unknown }).code)) throw error;
    onFailure(error as Error);
  }
}

interface Files {
  readonly config: ExporterConfig | undefined;
  readonly web: WebConfig;
}

/** @throws ConfigError */
async function readFiles({ configFile, webConfigFile }: RunExporterOptions): Promise<Files> {
  return {
    config: configFile === undefined ? undefined : await readConfig(configFile),
    web: webConfigFile === undefined ? OPEN_WEB : await readWebConfig(webConfigFile),
  };
}

function localSettings(
  options: RunExporterOptions,
  config: ExporterConfig | undefined,
): HostSettings | undefined {
  const uri =
    options.uri ??
    config?.local ??
    options.defaultUri ??
    (config === undefined || config.hosts.size === 0 ? 'qemu:///system' : false);
  if (uri === false) return undefined;
  parseUri(uri);
  const groups = chooseGroups(config?.collect, options.collect);
  return {
    uri,
    credentials: options.credentials,
    groups,
    procRoot: options.procRoot?.(uri),
    driftFile: options.driftFile,
    cgroupRoot: options.cgroupRoot,
    metadata: config?.metadata,
    maintenance: config?.maintenance,
    domainDeadlineMs: options.domainDeadlineMs,
    tickDeadlineMs: options.tickDeadlineMs,
    fingerprint: JSON.stringify([uri, [...groups], config?.metadataFingerprint]),
  };
}

function logInternalError(error: Error): void {
  log(`virtune: internal error while answering a request, please report it: ${error.stack ?? error.message}`);
}

/** Logs each name once, whichever host reports it first. */
function logUnknownStatistics(version: string): (name: string) => void {
  const logged = new Set<string>();
  return (name) => {
    if (logged.has(name) || logged.size >= 1_000) return;
    logged.add(name);
    log(
      `virtune: libvirt reports the statistic ${name}, which virtune ${version} does not know; --collect.unknown exports it`,
    );
  };
}

function logRateLimited(): (error: Error) => void {
  const logged = new Map<string, number>();
  return (error) => {
    const nowMs = performance.now();
    if (nowMs - (logged.get(error.message) ?? Number.NEGATIVE_INFINITY) < REPEAT_AFTER_MS) return;
    if (logged.size > 1_000) logged.clear();
    logged.set(error.message, nowMs);
    log(`virtune: the host cannot be sampled: ${errorText(error)}`);
  };
}
