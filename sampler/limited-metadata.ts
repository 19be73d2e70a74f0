import type { MetadataReader } from '../model/domain/custom-metadata.ts';
import { withinCpuTime } from './cpu-time.ts';

/** CPU time for all labels of a domain. A usual expression takes less than 1 ms. */
const CPU_TIME_MS = 500;

/**
 * A label reader that is interrupted when it takes too long: some expressions take minutes on a few thousand elements,
 * and any tenant may put these into metadata.
 */
export function limitedMetadata(read: MetadataReader): MetadataReader {
  return (domain, onLate) => {
    const found = withinCpuTime(CPU_TIME_MS, () => read(domain));
    if (found === undefined) onLate?.();
    return found?.value ?? new Map<string, string>();
  };
}
