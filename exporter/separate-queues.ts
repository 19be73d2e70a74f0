import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { ConfigError } from '../model/config-error.ts';
import { type ElasticsearchOptions, queueDirOf as searchQueueDirOf } from './elasticsearch/settings.ts';
import { type OtlpOptions, queueDirOf as otlpQueueDirOf } from './otlp/settings.ts';
import { queueDirSetting } from './queue/queue-kind.ts';
import { originsOf } from './sink-options.ts';

/**
 * @throws ConfigError when both sinks have their queue in one folder, or one of them inside the other's: each takes what is
 * in its folder for its own, `parked/` and `dead-letters/` as well
 */
export function checkSeparateQueues(search: ElasticsearchOptions, otlp: OtlpOptions): void {
  const [searchDir, otlpDir] = [searchQueueDirOf(search), otlpQueueDirOf(otlp)];
  const [searchPath, otlpPath] = [realPath(searchDir), realPath(otlpDir)];
  const searchWhere = originsOf<ElasticsearchOptions>('elasticsearch', search)('queue_dir');
  const otlpWhere = originsOf<OtlpOptions>('otlp', otlp)('queue_dir');
  const fault =
    searchPath === otlpPath
      ? `${searchWhere} and ${otlpWhere} are one folder, ${otlpDir}`
      : isInside(otlpPath, searchPath)
        ? `${otlpWhere}, ${otlpDir}, is inside ${searchWhere}, ${searchDir}`
        : isInside(searchPath, otlpPath)
          ? `${searchWhere}, ${searchDir}, is inside ${otlpWhere}, ${otlpDir}`
          : undefined;
  if (fault === undefined) return;
  throw new ConfigError(
    `${fault}, and each sink needs a separate one; change ${queueDirSetting('elasticsearch')} or ${queueDirSetting('otlp')}`,
  );
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Without symbolic links, as far as folders exist: the queue creates the rest. */
function realPath(dir: string): string {
  const path = resolve(dir);
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}
