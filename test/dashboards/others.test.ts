import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import type { Series } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { otherDashboards } from './others.ts';

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo({ scenario: 'memory-pressure' });
});
afterAll(() => demo.stop());

async function scraped(compat: string): Promise<Series[]> {
  const virtune = new VirtuneProcess(
    'exporter',
    ...['--connect', demo.uri, '--listen', '127.0.0.1:0', '--compat', compat],
  );
  try {
    return await virtune.scrape();
  } finally {
    await virtune.stop();
  }
}

test.each(otherDashboards)(
  '"$title" finds all that it asks for, with --compat $compat',
  async ({ compat, series }) => {
    const exported = await scraped(compat);
    const lacking = Object.entries(series).filter(
      ([name, labels]) =>
        !exported.some((each) => each.name === name && labels.every((label) => label in each.labels)),
    );
    expect(lacking).toEqual([]);
  },
);
