import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { mutantsOf } from './mutants.ts';
import { withProbes } from './probes.ts';
import { sampled } from './sample.ts';
import { edited } from './syntax.ts';

/** The texts with one change each. */
const variants = (text: string, file = 'a.ts'): string[] =>
  mutantsOf(file, text).map((mutant) => edited(text, mutant));

test('a comparison is moved by its boundary and turned round, and its condition is fixed', () => {
  expect(variants('if (a < b) f(a);')).toEqual([
    'if (true) f(a);',
    'if (false) f(a);',
    'if (a <= b) f(a);',
    'if (a >= b) f(a);',
    'if (a < b) ;',
  ]);
});

test('a return is dropped, and one of nothing lets the code behind it run', () => {
  expect(variants('function f() { if (a) return; return b; }')).toContain(
    'function f() { if (a) ; return b; }',
  );
  expect(variants('function f() { return b; }')).toEqual(['function f() { return; }']);
  expect(variants('function f() { return undefined; }')).toEqual(['function f() { ; }']);
});

test('numbers, strings, lists, fallbacks and calls that select or sort are changed', () => {
  expect(variants('const a = 1;')).toEqual(['const a = 2;']);
  expect(variants('const a = 30n;')).toEqual(['const a = 60n;']);
  expect(variants("const a = 'x';")).toEqual(["const a = '';"]);
  expect(variants('const a = [b];')).toEqual(['const a = [];']);
  expect(variants('const a = b ?? c;')).toEqual(['const a = undefined ?? c;']);
  expect(variants('const a = (b).filter(c);')).toEqual(['const a = (b);']);
  expect(variants('const a = b?.toSorted(c);')).toEqual(['const a = b;']);
  expect(variants('const a = Math.min(b, c);')).toEqual(['const a = Math.max(b, c);']);
});

test('types, names of modules, texts that are joined and messages of errors are not changed', () => {
  expect(
    variants("import { a } from './a.ts'; interface B { c: 'd' | 1 }; type E = F extends 1 ? 2 : 3;"),
  ).toEqual([]);
  expect(variants('const a = (b as 1) satisfies 2;')).toEqual([]);
  expect(variants('const a = `x` + b;')).toEqual(['const a = `` + b;']);
  expect(variants("const a = new CaseError('x', b);")).toEqual([]);
});

test('PromQL is changed in the rules only', () => {
  const text = 'const a = { expr: `b > 1 and rate(c[5m])` };';
  expect(variants(text)).toEqual(['const a = { expr: `` };']);
  expect(variants(text, 'dashboards/rules/alerts/cpu.ts')).toEqual([
    'const a = { expr: `b < 1 and rate(c[5m])` };',
    'const a = { expr: `b > 1 or rate(c[5m])` };',
    'const a = { expr: `b > 1 and idelta(c[5m])` };',
  ]);
});

test('probes say which statements ran, and change nothing else', () => {
  const text = 'const f = (n) => n > 0 ? g(n) : 0; function g(n) { if (n > 5) return 5; return n; } f(3);';
  const { text: probed, probeOf } = withProbes(text, 100);
  const hits: number[] = [];
  const context = { __mutationHit: (probe: number) => hits.push(probe) };
  expect(runInNewContext(probed, context)).toBe(3);
  const at = (part: string) => ({
    start: text.indexOf(part),
    end: text.indexOf(part) + part.length,
    text: '',
  });
  expect(hits).toContain(probeOf(at('n > 0')));
  expect(hits).toContain(probeOf(at('return n')));
  expect(hits).not.toContain(probeOf(at('return 5')));
});

test('a sample is the same for the same seed, and another for another', () => {
  const items = Array.from({ length: 100 }, (_, n) => n);
  expect(sampled(items, 10, 1)).toEqual(sampled(items, 10, 1));
  expect(sampled(items, 10, 1)).not.toEqual(sampled(items, 10, 2));
  expect(new Set(sampled(items, 10, 1)).size).toBe(10);
});
