import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemErrorText } from '../../model/system-error.ts';
import { readSmallFile } from '../../sampler/small-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'virtune-small-'));

test('a file is read to its end, up to the limit and no byte more', () => {
  const path = join(folder, 'file');
  for (const length of [0, 1, 65_536, 65_537, 200_000]) {
    const bytes = Buffer.alloc(length, 'x');
    writeFileSync(path, bytes);
    expect(readSmallFile(path, length).equals(bytes)).toBe(true);
    if (length > 0) expect(() => readSmallFile(path, length - 1)).toThrow(/^EFBIG/);
  }
  rmSync(folder, { recursive: true });
});

test('a device without an end is refused, with the path', () => {
  const error = (() => {
    try {
      return readSmallFile('/dev/zero');
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(error).toMatchObject({ code: 'EFBIG', path: '/dev/zero' });
  expect(systemErrorText(error)).toBe('EFBIG: file is larger than 16777216 bytes');
});

test('a pipe that a shell has made is read', () => {
  const script = `import { readSmallFile } from ${JSON.stringify(join(import.meta.dirname, '../../sampler/small-file.ts'))};
    process.stdout.write(String(readSmallFile(process.argv[1]).length));`;
  const { stdout } = spawnSync(
    'bash',
    ['-c', `"$0" --input-type=module -e "$1" <(head -c 100000 /dev/zero)`, process.execPath, script],
    { encoding: 'utf8' },
  );
  expect(stdout).toBe('100000');
});
