import { type Command, InvalidArgumentError, Option } from 'commander';
import { INTERVAL_RANGE, isEndpoint, type OtlpOptions } from '../exporter/otlp/settings.ts';
import { durationOption } from './duration-option.ts';
import { sizeOf } from './elasticsearch-flags.ts';

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

/** Where to send OTLP, and how it waits. More is in the configuration file. */
export function addOtlpFlags(command: Command): Command {
  return command
    .option(
      '--otlp.endpoint <url>',
      'OTLP/HTTP receiver to send to as well; /v1/metrics is appended',
      endpointOf,
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

/** Of the file's options with those of the flags before them; undefined where neither says where to send. */
export function otlpOptions(flags: OtlpFlags, file?: OtlpOptions | undefined): OtlpOptions | undefined {
  const given: OtlpOptions = {
    endpoint: flags['otlp.endpoint'],
    headers_file: flags['otlp.headersFile'],
    ca_file: flags['otlp.caFile'],
    cert_file: flags['otlp.certFile'],
    key_file: flags['otlp.keyFile'],
    interval: flags['otlp.interval'],
    queue_dir: flags['otlp.queueDir'],
    queue_size: flags['otlp.queueSize'],
  };
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  if (file === undefined && Object.keys(said).length === 0) return undefined;
  return { ...file, ...said };
}

function endpointOf(text: string): string {
  if (!isEndpoint(text)) {
    throw new InvalidArgumentError('Expected an http:// or https:// address without user name or password.');
  }
  return text;
}
