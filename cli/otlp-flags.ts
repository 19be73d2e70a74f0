import { type Command, Option } from 'commander';
import type { OptionName, OtlpOptions } from '../exporter/otlp/settings.ts';
import { INTERVAL_RANGE } from '../exporter/sink-options.ts';
import { durationOption } from './duration-option.ts';
import { addressOf, sizeOf, withFlags } from './sink-flags.ts';

/** As commander gives them; each key is an option's name. */
export interface OtlpFlags {
  readonly 'otlp.endpoint'?: string;
  readonly 'otlp.headersFile'?: string;
  readonly 'otlp.caFile'?: string;
  readonly 'otlp.certFile'?: string;
  readonly 'otlp.keyFile'?: string;
  readonly 'otlp.interval'?: number;
  readonly 'otlp.queueDir'?: string;
  readonly 'otlp.queueSize'?: number;
}

/** Where to send OTLP, the sampling interval, and the queue. Further options are in the configuration file only. */
export function addOtlpFlags(command: Command): Command {
  return command
    .option(
      '--otlp.endpoint <url>',
      'OTLP/HTTP receiver to send to as well; /v1/metrics is appended',
      (text: string) => addressOf('--otlp.endpoint', text),
    )
    .option('--otlp.headers-file <file>', 'file of request headers, one "name: value" per line')
    .option('--otlp.ca-file <file>', "CA certificate to verify the receiver's certificate")
    .option('--otlp.cert-file <file>', 'client certificate')
    .option('--otlp.key-file <file>', 'key of the client certificate')
    .addOption(durationOption('--otlp.interval', 'sampling interval of OTLP (default: 15s)', INTERVAL_RANGE))
    .option('--otlp.queue-dir <dir>', 'folder of the OTLP queue (default: /var/lib/virtune/otlp)')
    .addOption(
      new Option(
        '--otlp.queue-size <size>',
        'queue size before the oldest data points are dropped (default: 2GiB)',
      ).argParser(sizeOf),
    );
}

/** The flag of each option that has one. */
const FLAGS = {
  endpoint: '--otlp.endpoint',
  headers_file: '--otlp.headers-file',
  ca_file: '--otlp.ca-file',
  cert_file: '--otlp.cert-file',
  key_file: '--otlp.key-file',
  interval: '--otlp.interval',
  queue_dir: '--otlp.queue-dir',
  queue_size: '--otlp.queue-size',
} as const satisfies Partial<Record<OptionName, string>>;

/** Merges the file's options with the flags, which take precedence; undefined when neither names a destination. */
export function otlpOptions(flags: OtlpFlags, file?: OtlpOptions | undefined): OtlpOptions | undefined {
  return withFlags(file, FLAGS, {
    endpoint: flags['otlp.endpoint'],
    headers_file: flags['otlp.headersFile'],
    ca_file: flags['otlp.caFile'],
    cert_file: flags['otlp.certFile'],
    key_file: flags['otlp.keyFile'],
    interval: flags['otlp.interval'],
    queue_dir: flags['otlp.queueDir'],
    queue_size: flags['otlp.queueSize'],
  });
}
