import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readSmallFile } from '../../libvirt/small-file.ts';
import { systemErrorText } from '../../model/system-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'virtune-small-'));

afterAll(() => rmSync(folder, { recursive: true }));

test('a file is read to its end, up to the limit and no byte more', async () => {
  const path = join(folder, 'file');
  for (const length of [0, 1, 65_536, 65_537, 200_000]) {
    const bytes = Buffer.alloc(length, 'x');
    writeFileSync(path, bytes);
    expect((await readSmallFile(path, { maxBytes: length })).equals(bytes)).toBe(true);
    if (length > 0) await expect(readSmallFile(path, { maxBytes: length - 1 })).rejects.toThrow(/^EFBIG/);
  }
});

test('a device without an end is refused, with the path', async () => {
  const error = await readSmallFile('/dev/zero').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'EFBIG', path: '/dev/zero' });
  expect(systemErrorText(error)).toBe('EFBIG: file is larger than 16777216 bytes');
});

/** Output of a script that reads the pipe of a shell command. */
function fromPipe(command: string, options = {}): string {
  const script = `import { readSmallFile } from ${JSON.stringify(join(import.meta.dirname, '../../libvirt/small-file.ts'))};
    process.stdout.write(String((await readSmallFile(process.argv[1], ${JSON.stringify(options)})).length));`;
  return spawnSync(
    'bash',
    ['-c', `"$0" --input-type=module -e "$1" <(${command})`, process.execPath, script],
    { encoding: 'utf8' },
  ).stdout;
}

test('a pipe that a shell has made is read', () => {
  expect(fromPipe('head -c 100000 /dev/zero')).toBe('100000');
});

test('a command that takes longer than a file system may take is waited for', () => {
  expect(fromPipe('sleep 3; echo secret', { withinMs: 500 })).toBe('7');
});
