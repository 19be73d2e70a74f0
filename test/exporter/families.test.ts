import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProcessMetrics } from '../../exporter/prometheus/process-metrics.ts';
import { Scrapes } from '../../exporter/prometheus/scrape.ts';
import type { Format } from '../../exporter/prometheus/text.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { groups } from '../../model/catalogue/catalogue.ts';
import { type CompatName, compatGroups } from '../../model/catalogue/compat.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { parseExposition } from '../exposition.ts';
import { parseFamilies } from '../families.ts';
import { type TemporarySocket, temporarySocket } from '../sampler/temporary-socket.ts';

const ALL_GROUPS = new Set(groups.map(({ name }) => name));
const ALL_COMPAT = Object.keys(compatGroups) as CompatName[];

let socket: TemporarySocket;
let daemon: SimulatedDaemon;
let sampler: Sampler;
/** The second of two samples, which also has rates. */
let sample: HostSample;

beforeAll(async () => {
  socket = temporarySocket();
  daemon = new SimulatedDaemon(new SimulatedHost(findScenario('calm')));
  await daemon.listen({ path: socket.path });
  sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
    groups: ALL_GROUPS,
  });
  await sampler.sample();
  sample = await sampler.sample();
});
afterAll(async () => {
  await sampler.close();
  await daemon.stop();
  socket.remove();
});

function scrapesOf(compat: readonly CompatName[]): Scrapes {
  // A copy each time: scrapes of one sample share its text.
  const source = { health: sampler.health, sample: async () => ({ ...sample }) };
  return new Scrapes(source, {
    groups: ALL_GROUPS,
    compat,
    process: new ProcessMetrics('1.2.3'),
    onFailure: (error) => {
      throw error;
    },
  });
}

async function scrape(scrapes: Scrapes, format: Format): Promise<string> {
  return (await scrapes.scrape(format, false)).bytes.toString();
}

/** Sorted names of samples, which queries depend on. */
const sampleNames = (text: string): string[] =>
  [...new Set(parseExposition(text).map(({ name }) => name))]
    // The garbage collector may not have run yet, so its histogram may have no series.
    .filter((name) => !name.startsWith('nodejs_gc_duration_seconds'))
    .sort();

test('text, OpenMetrics and text again name their samples alike', async () => {
  const scrapes = scrapesOf([]);
  // The counters of the scrapes have no series until the first scrape has finished.
  await scrape(scrapes, 'text');
  const before = await scrape(scrapes, 'text');
  const openMetrics = await scrape(scrapes, 'openMetrics');
  const after = await scrape(scrapes, 'text');
  expect(sampleNames(after)).toEqual(sampleNames(before));
  expect(sampleNames(openMetrics)).toEqual(sampleNames(before));
  expect(sampleNames(after)).toContain('virtune_scrapes_total');
  expect(sampleNames(after)).toContain('process_cpu_seconds_total');
});

describe.each([[[]], ...ALL_COMPAT.map((name) => [[name]]), [ALL_COMPAT]])('compatible with %j', (compat) => {
  test.each(['text', 'openMetrics'] as const)(
    'each family stands once in %s, its samples together',
    async (format) => {
      const scrapes = scrapesOf(compat);
      await scrape(scrapes, format);
      const families = parseFamilies(await scrape(scrapes, format), format);
      expect(families.size).toBeGreaterThan(100);
    },
  );

  test('both formats have the same samples', async () => {
    const scrapes = scrapesOf(compat);
    await scrape(scrapes, 'text');
    expect(sampleNames(await scrape(scrapes, 'openMetrics'))).toEqual(
      sampleNames(await scrape(scrapes, 'text')),
    );
  });
});

test("inovex' gauges and our counters of swap traffic are both there in OpenMetrics", async () => {
  const families = parseFamilies(await scrape(scrapesOf(['inovex']), 'openMetrics'), 'openMetrics');
  expect(families.get('libvirt_domain_memory_stats_swap_in_bytes')?.type).toBe('gauge');
  expect(families.get('libvirt_domain_memory_stats_swap_in_bytes_total')?.type).toBe('unknown');
});
