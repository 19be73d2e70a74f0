import { z } from 'zod';
import { parseSize } from './size.ts';

/** A size in a YAML file, as text or as a number of bytes; see parseSize. Yields bytes. */
export const sizeSchema = z.union([z.number().int().positive(), z.string()]).transform((given, context) => {
  const bytes = typeof given === 'number' ? given : parseSize(given);
  if (bytes === undefined)
    context.addIssue({ code: 'custom', message: 'expected a number of bytes, or a size such as 512MiB' });
  return bytes ?? 0;
});
