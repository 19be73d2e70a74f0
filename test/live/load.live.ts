import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { simulate } from '../bench/scale.ts';
import { figure, find } from '../exposition.ts';
import { type TemporarySocket, temporarySocket } from '../sampler/temporary-socket.ts';
import { VirtuneProcess } from '../virtune-process.ts';

const VMS = 1_000;
const SCRAPERS = 20;
const SECONDS = 60;

let socket: TemporarySocket;
let simulator: ChildProcess;
let virtune: VirtuneProcess;
beforeAll(async () => {
  socket = temporarySocket();
  simulator = await simulate(socket.path, VMS);
  virtune = new VirtuneProcess(
    'exporter',
    '--listen',
    '127.0.0.1:0',
    '--connect',
    `qemu:///system?socket=${socket.path}`,
  );
  await virtune.text();
});
afterAll(async () => {
  await virtune.stop();
  simulator.kill();
  socket.remove();
});

test('twenty scrapers on a thousand VMs for a minute lose nothing and share their samples', async () => {
  const samplesSoFar = async (): Promise<number> => {
    const series = await virtune.scrape();
    const calls = find(series, 'virtune_libvirt_calls_total', { procedure: 'connectGetAllDomainStats' });
    return calls.reduce((sum, each) => sum + each.value, 0) / VMS;
  };
  const before = await samplesSoFar();
  let scrapes = 0;
  const lost: string[] = [];
  const until = performance.now() + SECONDS * 1_000;
  const scraper = async (): Promise<void> => {
    while (performance.now() < until) {
      const response = await fetch(`${await virtune.url()}/metrics`);
      const text = await response.text();
      scrapes++;
      // Parsing all of it twenty times over would make this test the load.
      const domains = /^libvirt_domains (\d+)$/m.exec(text)?.[1];
      const fresh = text.match(/^virtune_domain_outcome\{.*outcome="fresh"\} 1$/gm)?.length;
      if (response.status !== 200 || domains !== String(VMS) || fresh !== VMS) {
        lost.push(`${response.status} ${domains} domains, ${fresh} fresh`);
      }
    }
  };
  await Promise.all(Array.from({ length: SCRAPERS }, scraper));
  const samples = (await samplesSoFar()) - before;
  console.log(`${scrapes} scrapes of ${samples} samples, RSS ${virtune.rssKiB} KiB`);
  expect(lost).toEqual([]);
  // Scrapes during a sample share it; about half arrive while the previous response is still being sent.
  expect(scrapes / samples).toBeGreaterThan(SCRAPERS / 4);
  expect(figure(await virtune.scrape(), 'virtune_stuck_calls')).toBe(0);
}, 180_000);
