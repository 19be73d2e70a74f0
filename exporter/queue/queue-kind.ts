/** The sink that a queue belongs to: neither can read the records and dead letters of the other. */
export type QueueKind = 'elasticsearch' | 'otlp';

export const QUEUE_NAMES: Readonly<Record<QueueKind, string>> = {
  elasticsearch: 'Elasticsearch',
  otlp: 'OTLP',
};

/** The setting of a queue's folder, for errors. */
export function queueDirSetting(kind: QueueKind): string {
  return `--${kind}.queue-dir (${kind}.queue_dir in the configuration file)`;
}
