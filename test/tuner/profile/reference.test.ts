import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { profileReference } from '../../../docs/profile-reference.ts';
import { parseAssignments } from '../../../tuner/profile/assignments.ts';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';

const reference = profileReference(await ProfileLibrary.open([]));
const examples = [...reference.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text ?? '');

test('docs/profiles.md is what the tables say; if not, run npm run docs', () => {
  expect(readFileSync('docs/profiles.md', 'utf8')).toBe(reference);
});

test('the profile that it shows is one, and so is the assignments file', async () => {
  const [profile = '', assignments = '', ...rest] = examples;
  expect(rest).toEqual([]);
  const dir = mkdtempSync(join(tmpdir(), 'virtune-reference-'));
  try {
    writeFileSync(join(dir, 'shop-db.yaml'), profile);
    const shop = (await ProfileLibrary.open([dir])).get('shop-db');
    expect(shop.knobs.get('disk.cache')).toHaveLength(2);
    expect(shop.knobs.has('nic.queues')).toBe(false);
  } finally {
    rmSync(dir, { recursive: true });
  }
  expect(parseAssignments('assignments.yaml', assignments).profiles).toHaveLength(5);
});
