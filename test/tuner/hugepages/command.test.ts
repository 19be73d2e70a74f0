import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import { type Demo, startDemo } from '../../../simulator/demo.ts';
import { VirtuneProcess } from '../../virtune-process.ts';

let demo: Demo;
let stateDir: string;
beforeAll(async () => {
  demo = await startDemo();
  stateDir = mkdtempSync(join(tmpdir(), 'virtune-hugepages-'));
});
afterAll(async () => {
  await demo.stop();
  rmSync(stateDir, { recursive: true });
});

const run = (...args: string[]) =>
  new VirtuneProcess('tune', ...args, '--connect', demo.uri, '--state-dir', stateDir).ended;
const pages = (cell: number) => demo.daemon.host.hugepages.total(cell, 2_048);

test('the pool grows for a domain that will boot, shrinks with a rollback, and is refused where there is no memory', async () => {
  const writer = await connect(demo.uri, { readOnly: false });
  const { domain } = demo.daemon.vm('template-debian');
  const { xml } = await writer.call('domainGetXmlDesc', { domain, flags: 3 });
  const bind = (memoryGiB: number) =>
    writer.call('domainDefineXmlFlags', {
      xml: xml
        .replace(/<(memory|currentMemory) .*/g, (_, name) => `<${name} unit='GiB'>${memoryGiB}</${name}>`)
        .replace(
          '<vcpu',
          "<memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages></memoryBacking><numatune><memory mode='strict' nodeset='1'/></numatune><vcpu",
        ),
      flags: 1,
    });
  await bind(2);
  const before = pages(1);

  const shown = await run('hugepages');
  expect(shown.stdout).toMatch(/cell 1 lacks 1024 pages of 2 MiB, needed by "template-debian" \(1024\)/);
  expect(shown.stdout).toMatch(new RegExp(`cell 1: 2 MiB pages, from ${before} to ${before + 1_024}`));
  expect(pages(1)).toBe(before);

  const allocated = await run('hugepages', '--allocate', '--yes');
  expect([allocated.code, allocated.stderr]).toEqual([0, expect.stringMatching(/applied and verified/)]);
  expect(pages(1)).toBe(before + 1_024);
  expect((await run('hugepages', '--allocate')).stderr).toMatch(/nothing to change/);
  expect((await run('rollback', '--yes')).code).toBe(0);
  expect(pages(1)).toBe(before);

  await bind(200);
  const refused = await run('hugepages', '--allocate', '--yes');
  expect([refused.code, refused.stderr]).toEqual([
    65,
    expect.stringMatching(/nothing was changed[\s\S]*NO_MEMORY/),
  ]);
  expect(pages(1)).toBe(before);
  await writer.close();
}, 60_000);
