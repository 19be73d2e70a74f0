import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileMetadata } from '../../model/domain/custom-metadata.ts';
import { parseDomain } from '../../model/domain/domain.ts';

const XML = `<domain><name>db</name><vcpu>4</vcpu><metadata>
  <app:info xmlns:app="http://example.org/app"><app:team id="7">
    Storage &amp; "quotes"\u2028{braces}</app:team></app:info></metadata></domain>`;
const NAMESPACES = { a: 'http://example.org/app' };

const labelsOf = (expressions: Record<string, string>, xml = XML): Record<string, string> =>
  Object.fromEntries(parseDomain(xml, 'x', compileMetadata(expressions, NAMESPACES)).labels);

test('labels come from elements, attributes and counts, on one line', () => {
  expect(
    labelsOf({ team: '//a:team', team_id: '//a:team/@id', vcpus: 'vcpu', disks: 'count(devices/disk)' }),
  ).toEqual({ team: 'Storage & "quotes" {braces}', team_id: '7', vcpus: '4', disks: '0' });
});

test('what is not there gives no label', () => {
  expect(labelsOf({ owner: '//a:owner' })).toEqual({});
});

test('a value is bounded, counted in whole characters', () => {
  const { long } = labelsOf(
    { long: '/domain/title' },
    `<domain><title>${'😀'.repeat(4_096)}</title></domain>`,
  );
  expect([...(long ?? '')]).toHaveLength(200);
  expect(long?.endsWith('…')).toBe(true);
});

test('no value has a control character, whatever the metadata holds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const safe = text.replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '').replaceAll(/[<&\]]/g, '');
      const { title = '' } = labelsOf({ title: 'title' }, `<domain><title>${safe}</title></domain>`);
      expect(title).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }),
  );
});

test('an invalid expression, or one with an undeclared prefix, is refused at once', () => {
  expect(() => compileMetadata({ x: '//[' })).toThrow(/x: .* is not a valid XPath/);
  expect(() => compileMetadata({ x: '//b:team' }, NAMESPACES)).toThrow(/x: .* is not a valid XPath/);
});

test('a fault that shows only on some XML costs that label, and nothing else that the XML says', () => {
  const facts = parseDomain(XML, 'x', compileMetadata({ team: 'metadata/nobody:team', vcpus: 'vcpu' }));
  expect(facts.name).toBe('db');
  expect(Object.fromEntries(facts.labels)).toEqual({ vcpus: '4' });
});

test('megabytes of text are a label of the first 200 characters, without being read to their end', () => {
  const { long, spaces } = labelsOf(
    { long: 'title', spaces: 'description' },
    `<domain><title>${' '.repeat(1_000_000)}${'a b'.repeat(300_000)}</title><description>${'\n'.repeat(1_000_000)}</description></domain>`,
  );
  expect(long).toMatch(/^a ba ba .*…$/);
  expect([...(long ?? '')]).toHaveLength(200);
  expect(spaces).toBeUndefined();
});
