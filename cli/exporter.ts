import { Command, Option } from 'commander';
import { type CompatName, compatGroups } from '../model/catalogue/compat.ts';
import { DRIFT_RECORD_FILE } from '../model/drift-record.ts';
import { inTime } from '../sampler/deadline.ts';
import { addCollectFlags, collectedGroups } from './collect-flags.ts';
import { credentialsOf } from './credentials.ts';
import { durationOption } from './duration-option.ts';
import { addSinkFlags, elasticsearchOptions, type SinkFlags } from './elasticsearch-flags.ts';
import { isLocalUri } from './local-uri.ts';
import { log } from './log.ts';
import { addOtlpFlags, type OtlpFlags, otlpOptions } from './otlp-flags.ts';
import { addOutputFlags, type OutputFlags, outputOptions } from './output-flags.ts';
import type { RunningExporter } from './run-exporter.ts';
import { untilAskedToStop } from './signals.ts';

interface ExporterFlags extends Record<string, unknown>, SinkFlags, OtlpFlags, OutputFlags {
  readonly connect?: string;
  readonly listen: string;
  readonly saslUsername?: string;
  readonly saslPasswordFile?: string;
  readonly domainDeadline: number;
  readonly scrapeDeadline: number;
  readonly local?: boolean;
  readonly 'path.procfs': string;
  readonly 'path.cgroupfs': string;
  readonly 'path.drift': string;
  readonly compat?: readonly CompatName[];
  readonly waitForLibvirt?: boolean;
  readonly 'config.file'?: string;
  readonly 'web.config.file'?: string;
  readonly 'web.enableLifecycle'?: boolean;
  readonly 'web.systemdSocket'?: boolean;
}

/** Time limit for closing: pending data is flushed to a queue on disk, whose file system may hang. */
const CLOSE_MAX_MS = 6_000;

const DEADLINE_RANGE = { minSeconds: 0.001, maxSeconds: 3_600 };

export function exporterCommand(): Command {
  const command = new Command('exporter')
    .description('serve metrics of a KVM host and its VMs to Prometheus')
    .addOption(
      new Option('-c, --connect <uri>', 'libvirt URI to connect to (default: qemu:///system)').env(
        'LIBVIRT_DEFAULT_URI',
      ),
    )
    .option('-l, --listen <host:port>', 'address to serve /metrics on', '127.0.0.1:9177')
    .option('--sasl-username <name>', 'user name for SASL authentication')
    .option('--sasl-password-file <file>', 'file whose first line is the password')
    .addOption(
      durationOption('--domain-deadline', 'after this time without an answer a VM is checked for a hang', {
        ...DEADLINE_RANGE,
        defaultSeconds: 2,
      }),
    )
    .addOption(
      durationOption(
        '--scrape-deadline',
        'time limit for one sample; a shorter scrape timeout takes precedence',
        {
          ...DEADLINE_RANGE,
          defaultSeconds: 8,
        },
      ),
    )
    .option('--local', 'also read /proc of the host (default for a local URI)')
    .option('--no-local', 'use libvirt only')
    .option('--path.procfs <dir>', "mount point of the host's /proc", '/proc')
    .option('--path.cgroupfs <dir>', "mount point of the host's control groups", '/sys/fs/cgroup')
    .option('--path.drift <file>', 'file of virtune tune drift --record', DRIFT_RECORD_FILE)
    .addOption(
      new Option('--compat <exporter...>', 'also export the metric names of another exporter').choices(
        Object.keys(compatGroups),
      ),
    )
    .option(
      '--wait-for-libvirt',
      'serve libvirt_up 0 while libvirt is down, instead of exiting with an error at startup',
    )
    .option('--config.file <file>', 'YAML file with hosts, groups and metadata; see docs/configuration.md')
    .option(
      '--web.config.file <file>',
      "TLS, passwords and headers, in the format of Prometheus' exporter-toolkit",
    )
    .option('--web.enable-lifecycle', 'reload both files on POST /-/reload, as on SIGHUP')
    .option('--web.systemd-socket', 'serve on the sockets that systemd passes, instead of --listen')
    .action(async (flags: ExporterFlags) => {
      // Loaded only when serving: `virtune top` starts twice as fast without.
      const { runExporter } = await import('./run-exporter.ts');
      const { systemdSockets } = await import('../exporter/http/systemd-sockets.ts');
      const readsProc = (uri: string): boolean => flags.local ?? isLocalUri(uri);
      const exporter = await runExporter({
        // As in libvirt, the environment only sets the default: the file may override it.
        ...(command.getOptionValueSource('connect') === 'env'
          ? { defaultUri: flags.connect }
          : { uri: flags.connect }),
        listen: flags.listen,
        sockets: flags['web.systemdSocket'] === true ? systemdSockets(process.env, process.pid) : undefined,
        collect: collectedGroups(command),
        procRoot: (uri) => (readsProc(uri) ? flags['path.procfs'] : undefined),
        cgroupRoot: flags['path.cgroupfs'],
        driftFile: flags['path.drift'],
        credentials: await credentialsOf(flags),
        domainDeadlineMs: flags.domainDeadline * 1_000,
        tickDeadlineMs: flags.scrapeDeadline * 1_000,
        compat: flags.compat,
        configFile: flags['config.file'],
        webConfigFile: flags['web.config.file'],
        lifecycle: flags['web.enableLifecycle'],
        waitForLibvirt: flags.waitForLibvirt,
        elasticsearch: (file) => elasticsearchOptions(flags, file),
        otlp: (file) => otlpOptions(flags, file),
        output: outputOptions(flags),
      });
      const hangupEnds = onHangup(flags, exporter);
      // Installed before the ready message: a supervisor may stop the process from then on.
      const stopping = untilAskedToStop(hangupEnds ? ['SIGHUP'] : []);
      const asked = [
        ...(exporter.local === undefined
          ? []
          : [
              `${exporter.isConnected ? 'connected to' : 'waiting for'} ${exporter.local}, serving ${exporter.url}/metrics`,
            ]),
        ...(exporter.hosts.length === 0
          ? []
          : [`${exporter.hosts.length} hosts at ${exporter.url}/probe, listed at ${exporter.url}/sd`]),
      ];
      log(`virtune: ${asked.join('; ')}`);
      const reason = await Promise.race([stopping, exporter.outputClosed]);
      if (!(reason instanceof Error)) log(`virtune: ${reason}, closing`);
      const isClosed = await inTime(
        exporter.close().then(() => true),
        CLOSE_MAX_MS,
      );
      if (isClosed !== true) {
        log(
          `virtune: shutdown timed out after ${CLOSE_MAX_MS / 1_000} s; data not yet stored in a queue is lost`,
        );
      }
      // The output is closed for good, and all further documents would be dropped: the exit code reports it to a
      // service manager or script.
      if (reason instanceof Error) throw reason;
    });
  return addCollectFlags(addOutputFlags(addOtlpFlags(addSinkFlags(command))));
}

/**
 * SIGHUP reloads files and never ends a service. Errors in files are logged, and the old settings stay in effect.
 * @returns whether SIGHUP ends the process instead: the terminal was closed, and no flag names a file to reload
 */
function onHangup(flags: ExporterFlags, exporter: Pick<RunningExporter, 'reload'>): boolean {
  const isGiven = (each: unknown): boolean => each !== undefined;
  const hasFiles = [flags.output?.file, flags['config.file'], flags['web.config.file']].some(isGiven);
  if (!hasFiles && process.stderr.isTTY) return true;
  // Keys, headers and certificates of sinks are in files.
  const hasSinks = [elasticsearchOptions(flags), otlpOptions(flags)].some(isGiven);
  process.on('SIGHUP', () => {
    if (hasFiles || hasSinks) void exporter.reload().catch(() => undefined);
    else log('virtune: nothing to reload: no flag names a file; restart to change flags');
  });
  return false;
}
