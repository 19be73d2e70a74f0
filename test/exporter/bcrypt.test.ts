import { hashSync } from 'bcryptjs';
import { expect, test } from 'vitest';
import { Bcrypt } from '../../exporter/http/bcrypt.ts';

test('a thread that dies admits no client, and does not use up the answer of its successor', async () => {
  const bcrypt = new Bcrypt();
  const hash = hashSync('right', 4);
  // Nothing that a configuration lets through; it makes the thread fail.
  expect(await bcrypt.compare('right', 1 as unknown as string)).toBe(false);
  expect(await bcrypt.compare('right', hash)).toBe(true);
  expect(await bcrypt.compare('wrong', hash)).toBe(false);
});
