import type { z } from 'zod';
import { ConfigError } from '../../model/config-error.ts';
import { unreadableText } from '../../model/system-error.ts';
import { parseYaml } from '../../model/yaml.ts';
import { readSmallFile } from '../../sampler/small-file.ts';

/**
 * Reads a YAML file and checks it.
 * @throws ConfigError that names file, line and key of each fault
 */
export function readYamlFile<S extends z.ZodType>(path: string, schema: S): z.output<S> {
  let text: string;
  try {
    text = readSmallFile(path).toString();
  } catch (error) {
    throw new ConfigError(`${path} cannot be read: ${unreadableText(error)}`);
  }
  return parseYaml(path, text, schema);
}
