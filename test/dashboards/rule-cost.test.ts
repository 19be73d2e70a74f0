import { expect, test } from 'vitest';
import { findScenario } from '../../simulator/demo.ts';
import { withVmCount } from '../../simulator/scenario.ts';
import { sampleText } from '../exporter/sample-text.ts';
import { parseExposition } from '../exposition.ts';
import { samplesPerSecond } from './rule-cost.ts';
import { sampleOf } from './sample-of.ts';

/** The host of the benchmark: 50 VMs on a host with enough CPUs for them. */
async function scrapeOf50Vms() {
  const calm = findScenario('calm');
  const host = { ...calm.host, coresPerSocket: 64, memoryGiB: 1_024 };
  return parseExposition(sampleText(await sampleOf({ ...withVmCount(calm, 50), host }), 'text'));
}

test('rules read at most 650 samples per second of a host with 50 VMs, and room for another alert is left', async () => {
  const scrape = await scrapeOf50Vms();
  expect(scrape.length).toBeGreaterThan(4_000);
  const samples = samplesPerSecond(scrape);
  // At 200 hosts these take a tenth of a core (`npm run bench -- rules`).
  expect(samples).toBeLessThanOrEqual(650);
  expect(samples).toBeGreaterThan(500);
});
