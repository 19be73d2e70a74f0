import { encodeHealth, encodeSample } from '../../exporter/prometheus/encode.ts';
import type { Format } from '../../exporter/prometheus/text.ts';
import { TextBuffer } from '../../exporter/prometheus/text-buffer.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { Group } from '../../model/catalogue/metric.ts';
import type { HostSample, SamplerHealth } from '../../sampler/host-sample.ts';

/** Reused, as by scrapes: properties are checked on thousands of samples. */
let memory: Buffer | undefined;

/** Text of a sample as in a scrape. */
export function sampleText(
  sample: HostSample,
  format: Format = 'text',
  enabled?: ReadonlySet<GroupName>,
  more?: readonly Group[],
): string {
  const text = new TextBuffer(memory);
  for (const _ of encodeSample(text, sample, format, enabled, more));
  memory = text.memory;
  return text.bytes().toString();
}

/** Text about the connection as in a scrape. */
export function healthText(health: SamplerHealth, up: boolean, inMaintenance?: boolean): string {
  const text = new TextBuffer();
  encodeHealth(text, health, up, 'text', inMaintenance);
  return text.bytes().toString();
}
