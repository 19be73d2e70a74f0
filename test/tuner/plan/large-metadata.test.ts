import { expect, test } from 'vitest';
import { attr, child } from '../../../model/xml.ts';
import { withoutVolatileParts } from '../../../tuner/apply/preconditions.ts';
import { domainView } from '../../../tuner/facts/domain-view.ts';
import { changeDefinition } from '../../../tuner/plan/definition.ts';

const metadata = (text: string): string =>
  `<metadata><x:m xmlns:x="http://x">${'<x:i a="1">t</x:i>'.repeat(50_000)}${text}</x:m></metadata>`;
const domain = (text: string): string =>
  `<domain type="kvm">\n  <name>vm</name>\n  ${metadata(text)}\n  <vcpu>3</vcpu>\n</domain>`;

test("a definition that is changed keeps another program's megabyte of metadata, which the diff leaves out", () => {
  const change = changeDefinition(domainView(domain('end'), 'it'), [], (root) =>
    child(root, 'vcpu')?.setAttribute('cpuset', '0'),
  );
  expect(change.after).toContain(metadata('end'));
  expect(change.after).toContain('<vcpu cpuset="0">3</vcpu>');
  expect(change.diff).toContain('+  <vcpu cpuset="0">3</vcpu>');
  expect(change.diff.length).toBeLessThan(2_000);
  expect(attr(child(domainView(change.after, 'it').root, 'vcpu'), 'cpuset')).toBe('0');
});

test('a change of large metadata outdates a plan, as any other change does', () => {
  expect(withoutVolatileParts(domain('a'))).toBe(withoutVolatileParts(domain('a')));
  expect(withoutVolatileParts(domain('a'))).not.toBe(withoutVolatileParts(domain('b')));
});
