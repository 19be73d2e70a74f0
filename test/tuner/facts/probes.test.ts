import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { probeDirectIo, probeHugetlbfs } from '../../../tuner/facts/probes.ts';
import { host, LOCAL } from '../profile/fixtures.ts';

test('a file system that refuses O_DIRECT is reported as such; the image is only opened', async () => {
  // procfs has no page cache to bypass.
  expect(await probeDirectIo('/proc/self/status')).toMatchObject({ code: 'NO_O_DIRECT' });
  const folder = mkdtempSync(join(tmpdir(), 'virtune-probe-'));
  const image = join(folder, 'disk.img');
  writeFileSync(image, 'as it was');
  await probeDirectIo(image);
  expect(readFileSync(image, 'utf8')).toBe('as it was');
  rmSync(folder, { recursive: true });
});

test('an image that is not there, or not for this user, says nothing about its file system', async () => {
  expect(await probeDirectIo('/no/such/image.img')).toBeUndefined();
});

test('pages need a mount of their size; one without a size is for the usual ones', () => {
  const local = {
    ...LOCAL,
    defaultPageKiB: 2_048,
    hugetlbfs: [{ path: '/dev/hugepages', sizeKiB: undefined }],
  };
  expect(probeHugetlbfs(host({ local }), 2_048)).toBeUndefined();
  expect(probeHugetlbfs(host({ local }), 1_048_576)).toMatchObject({
    code: 'NO_HUGETLBFS',
    next: expect.stringMatching(/pagesize=1048576K.*restart libvirtd/),
  });
  // A remote host cannot be probed.
  expect(probeHugetlbfs(host({ local: undefined }), 1_048_576)).toBeUndefined();
});
