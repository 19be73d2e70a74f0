import { XMLSerializer } from '@xmldom/xmldom';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { domainFacts } from '../../model/domain/domain.ts';
import { domainTreeXml, outlinedXml, parseDomainTree } from '../../model/domain/domain-tree.ts';
import { attr, child, parseXml } from '../../model/xml.ts';

const MARK =
  "<v:tuned xmlns:v='https://virtune.dev/xmlns/tuner/1' profile='p' version='v' at='2026-11-25T22:00:00Z' id='7'/>";
const huge = (unit: string, chars = 4_000_000): string =>
  `<x:m xmlns:x='http://x'>${unit.repeat(Math.ceil(chars / unit.length))}</x:m>`;
const domain = (metadata: string): string =>
  `<domain type='kvm'><name>vm</name><metadata>${metadata}</metadata><vcpu>3</vcpu></domain>`;

/** Number of all elements in a tree. */
function count(root: ReturnType<typeof parseDomainTree>): number {
  return root.getElementsByTagName('*').length;
}

test.each([
  ['elements', '<x:i a="1">t &amp; u</x:i>'],
  ['text', 'x'],
  ['comments that look like the end', '<!-- </metadata></domain> -->'],
  ['CDATA with dollars, which replace() would take for groups', '<![CDATA[$& $1 $$ </x:m></metadata>]]>'],
])('4 MB of %s are not parsed, and are written back as they were', (_what, unit) => {
  const xml = domain(`${MARK}${huge(unit)}<small/>`);
  const root = parseDomainTree('it', xml);
  expect(count(root)).toBe(6);
  child(root, 'vcpu')?.setAttribute('cpuset', '0-1');
  expect(domainFacts(root).tuned?.profile).toBe('p');
  const written = domainTreeXml(root);
  expect(written).toContain(`${huge(unit)}<small/></metadata><vcpu cpuset="0-1">3</vcpu>`);
  expect(outlinedXml(root).length).toBeLessThan(1_000);
});

test('a million small elements are one placeholder, and the mark behind them is read', () => {
  const crowd = '<x/>'.repeat(1_000_000);
  const root = parseDomainTree('it', domain(`${crowd}${MARK}${crowd}`));
  expect(domainFacts(root).tuned?.profile).toBe('p');
  const written = domainTreeXml(root);
  expect(written.split('<x/>').length).toBe(2_000_001);
  expect(count(root)).toBeLessThan(10_000);
});

test('metadata that looks like a placeholder stays what it is', () => {
  const large = huge('y', 40_000);
  const root = parseDomainTree('it', domain(large));
  const placeholder = outlinedXml(root).match(/<kept[^>]*>/)?.[0] ?? '';
  expect(placeholder).toMatch(/^<kept xmlns=".*" n="0" chars="\d+"\/>$/);
  const trap = domain(`${placeholder}${large}`);
  expect(domainTreeXml(parseDomainTree('it', trap))).toContain(`${placeholder}${large}`);
});

test('whatever is in the metadata, what is written back says the same', () => {
  const element = fc.record({
    name: fc.constantFrom('a', 'b', 'metadata', 'domain'),
    text: fc.constantFrom('', 'x', '&lt;', '<i/>', '<!-- > -->', '<![CDATA[<]]>'),
    repeat: fc.constantFrom(1, 100, 9_000),
    attribute: fc.constantFrom('', ' a="1"', " b='/>'", ' c="&quot;$&amp;"'),
  });
  const normal = (xml: string): string =>
    new XMLSerializer().serializeToString(parseXml('it', xml, 'domain'));
  fc.assert(
    fc.property(fc.array(element, { maxLength: 6 }), fc.boolean(), (elements, isTuned) => {
      const texts = elements.map(
        ({ name, text, repeat, attribute }) => `<${name}${attribute}>${text.repeat(repeat)}</${name}>`,
      );
      const xml = domain(`${texts.join('\n')}${isTuned ? MARK : ''}`);
      const root = parseDomainTree('it', xml);
      expect(normal(domainTreeXml(root))).toBe(normal(xml));
      expect(domainFacts(root).tuned === undefined).toBe(!isTuned);
      expect(attr(root, 'type')).toBe('kvm');
    }),
    { numRuns: 50 },
  );
});
