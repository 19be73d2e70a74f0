import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { systemErrorText, unreadableText } from '../../model/system-error.ts';

const errorOf = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

test("a system error's text has no call and no path, which the message around it names", () => {
  const error = errorOf(() => readFileSync('/nowhere/file.yaml'));
  expect((error as Error).message).toContain('/nowhere/file.yaml');
  expect(systemErrorText(error)).toBe('ENOENT: no such file or directory');
  expect(systemErrorText(errorOf(() => readFileSync('/')))).toBe('EISDIR: illegal operation on a directory');
});

test('the text of any other error is left as it is', () => {
  expect(systemErrorText(new Error("no open '/x' here, open '/x'"))).toBe("no open '/x' here, open '/x'");
});

test('a file that cannot be read comes with what to do', () => {
  expect(unreadableText(errorOf(() => readFileSync('/nowhere/file.yaml')))).toBe(
    'ENOENT: no such file or directory; check the path',
  );
  expect(unreadableText(errorOf(() => readFileSync('/')))).toBe(
    'EISDIR: illegal operation on a directory; name a file, not a folder',
  );
  const denied = Object.assign(new Error("EACCES: permission denied, open '/x'"), {
    code: 'EACCES',
    syscall: 'open',
    path: '/x',
  });
  expect(unreadableText(denied)).toBe(
    'EACCES: permission denied; check that the user of virtune may read it',
  );
});
