import { expect, test } from 'vitest';
import { Scrapes } from '../../exporter/prometheus/scrape.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { CLOSED } from './health.ts';

const EMPTY: HostSample = { startedAtMs: 0, durationMs: 1, domains: [], versions: undefined };

/** Scrapes of a source that records the time limits it was given. */
function scrapes(sample: () => Promise<HostSample> = async () => EMPTY): {
  scrapes: Scrapes;
  budgets: (number | undefined)[];
} {
  const budgets: (number | undefined)[] = [];
  const source = {
    health: CLOSED,
    sample: (budgetMs?: number) => {
      budgets.push(budgetMs);
      return sample();
    },
  };
  return { scrapes: new Scrapes(source, { onFailure: () => undefined }), budgets };
}

test('a scraper passes its timeout, and a very short one does not shorten those of others', async () => {
  const { scrapes: of, budgets } = scrapes();
  await of.scrape('text', false, 9_500);
  await of.scrape('text', false);
  await of.scrape('text', false, 0.01);
  expect(budgets).toEqual([9_500, undefined, 500]);
});

test('a client with almost no time left gets that reason, and the sample continues for those that share it', async () => {
  const done = Promise.withResolvers<HostSample>();
  const { scrapes: of } = scrapes(() => done.promise);
  const patient = of.scrape('text', false);
  await expect(of.scrape('text', false, 1)).rejects.toMatchObject({ code: 'SCRAPE_TIMEOUT' });
  done.resolve(EMPTY);
  expect((await patient).bytes.toString()).toContain('libvirt_up 1');
});

test('scrapes that time out count as failed, and have their part in the duration', async () => {
  const done = Promise.withResolvers<HostSample>();
  const { scrapes: of } = scrapes(() => done.promise);
  await expect(of.scrape('text', false, 1)).rejects.toMatchObject({ code: 'SCRAPE_TIMEOUT' });
  await expect(of.scrape('text', true, 1)).rejects.toMatchObject({ code: 'SCRAPE_TIMEOUT' });
  done.resolve(EMPTY);
  const text = (await of.scrape('text', false)).bytes.toString();
  expect(text).toContain('virtune_scrapes_total{outcome="failed"} 2\n');
  expect(text).toContain('virtune_scrapes_total{outcome="ok"} 0\n');
  expect(text).toContain('virtune_scrape_duration_seconds_count 2\n');
});

test('a timeout beyond the range of a timer does not expire at once', async () => {
  const { scrapes: of } = scrapes(() => new Promise((resolve) => setImmediate(() => resolve(EMPTY))));
  expect((await of.scrape('text', false, 1e12)).bytes.toString()).toContain('libvirt_up 1');
});
