import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from '../model/config-error.ts';
import { type ElasticsearchOptions, queueDirOf as searchQueueDirOf } from './elasticsearch/settings.ts';
import { type OtlpOptions, queueDirOf as otlpQueueDirOf } from './otlp/settings.ts';
import { queueDirSetting } from './queue/queue-kind.ts';
import { originsOf } from './sink-options.ts';

/** @throws ConfigError when both sinks have their queue in one folder */
export function checkSeparateQueues(search: ElasticsearchOptions, otlp: OtlpOptions): void {
  const dir = otlpQueueDirOf(otlp);
  if (realPath(searchQueueDirOf(search)) !== realPath(dir)) return;
  const searchWhere = originsOf<ElasticsearchOptions>('elasticsearch', search)('queue_dir');
  const otlpWhere = originsOf<OtlpOptions>('otlp', otlp)('queue_dir');
  throw new ConfigError(
    `${searchWhere} and ${otlpWhere} are one folder, ${dir}, and each sink needs a separate one; change ${queueDirSetting('elasticsearch')} or ${queueDirSetting('otlp')}`,
  );
}

/** Without symbolic links, where the folder exists. */
function realPath(dir: string): string {
  try {
    return realpathSync(dir);
  } catch {
    return resolve(dir);
  }
}
