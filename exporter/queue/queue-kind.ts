/** Which sink a queue is of: records and dead letters of each have a format that the other cannot read. */
export type QueueKind = 'elasticsearch' | 'otlp';

export const QUEUE_NAMES: Readonly<Record<QueueKind, string>> = {
  elasticsearch: 'Elasticsearch',
  otlp: 'OTLP',
};

/** The setting of a queue's folder, for errors. */
export function queueDirSetting(kind: QueueKind): string {
  return `--${kind}.queue-dir (${kind}.queue_dir in the configuration file)`;
}
