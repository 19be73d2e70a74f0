import type { z } from 'zod';
import { readSmallFile } from '../../libvirt/small-file.ts';
import { ConfigError } from '../../model/config-error.ts';
import { unreadableText } from '../../model/system-error.ts';
import { parseYaml } from '../../model/yaml.ts';

/** Reads and validates a YAML file. @throws ConfigError that names file, line and key of each fault */
export async function readYamlFile<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>> {
  let text: string;
  try {
    text = (await readSmallFile(path)).toString();
  } catch (error) {
    throw new ConfigError(`${path} cannot be read: ${unreadableText(error)}`, { cause: error });
  }
  return parseYaml(path, text, schema);
}
