import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { inFileTurn } from '../libvirt/file-turn.ts';
import { ConfigError } from '../model/config-error.ts';
import { unreadableText } from '../model/system-error.ts';
import { type ElasticsearchOptions, queueDirOf as searchQueueDirOf } from './elasticsearch/settings.ts';
import { type OtlpOptions, queueDirOf as otlpQueueDirOf } from './otlp/settings.ts';
import { queueDirSetting } from './queue/queue-kind.ts';
import { originsOf } from './sink-options.ts';

/**
 * @throws ConfigError when both sinks have the same queue folder, or one of them is inside the other: each sink treats
 * everything in its folder as its queue, `parked/` and `dead-letters/` included
 */
export async function checkSeparateQueues(search: ElasticsearchOptions, otlp: OtlpOptions): Promise<void> {
  const [searchDir, otlpDir] = [searchQueueDirOf(search), otlpQueueDirOf(otlp)];
  const [searchPath, otlpPath] = [await realPath(searchDir), await realPath(otlpDir)];
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

/** Resolves symbolic links as far as folders exist: the queue creates the rest. */
async function realPath(dir: string): Promise<string> {
  const path = resolve(dir);
  try {
    return await inFileTurn(path, 'realpath', () => realpath(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ETIMEDOUT')
      throw new ConfigError(`the queue's folder ${dir} cannot be found: ${unreadableText(error)}`, {
        cause: error,
      });
    const parent = dirname(path);
    return parent === path ? path : join(await realPath(parent), basename(path));
  }
}
