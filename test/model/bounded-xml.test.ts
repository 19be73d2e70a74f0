import fc from 'fast-check';
import { expect, test } from 'vitest';
import { boundedXml } from '../../model/domain/bounded-xml.ts';
import { parseDomain } from '../../model/domain/domain.ts';

const MARK =
  "<v:tuned xmlns:v='https://virtune.dev/xmlns/tuner/1' profile='p' version='v' at='2026-11-25T22:00:00Z' id='7'/>";
const huge = (unit: string, chars = 4_000_000): string =>
  `<x:m xmlns:x='http://x'>${unit.repeat(Math.ceil(chars / unit.length))}</x:m>`;
const domain = (metadata: string, more = ''): string =>
  `<domain type='kvm'><name>vm</name><metadata>${metadata}</metadata><vcpu>3</vcpu>${more}</domain>`;

test.each([
  ['elements', '<x:i a="1">t</x:i>'],
  ['empty elements', '<x/>'],
  ['text', 'x'],
  ['comments that look like the end', '<!-- </metadata></domain> -->'],
  ['CDATA that looks like the end', '<![CDATA[</x:m></metadata>]]>'],
  ['attributes that look like the end', `<x a="</metadata>" b='/>'/>`],
  ['elements of the same name', '<metadata><metadata/></metadata>'],
])(
  "4 MB of %s in one program's metadata are left out; the others' and the VM's own facts stay",
  (_what, unit) => {
    const { xml, isMetadataCut } = boundedXml('it', domain(`${MARK}${huge(unit)}<small/>`));
    expect(xml).toBe(domain(`${MARK}<small/>`));
    expect(isMetadataCut).toBe(true);
    expect(parseDomain(xml).tuned?.profile).toBe('p');
  },
);

test('many small elements are kept as long as there is room', () => {
  const { xml, isMetadataCut } = boundedXml('it', domain('<x/>'.repeat(1_000_000)));
  expect(xml).toBe(domain('<x/>'.repeat(8_192)));
  expect(isMetadataCut).toBe(true);
});

test("virtune's mark is kept before any number of small elements", () => {
  const { xml } = boundedXml('it', domain(`${'<x/>'.repeat(1_000_000)}${MARK}`));
  expect(parseDomain(xml).tuned?.profile).toBe('p');
  expect(xml.length).toBeLessThan(33_000);
});

test('XML that is large but not in its metadata is parsed as it is, up to a limit', () => {
  const disks = (count: number): string =>
    `<devices>${"<disk type='block'><source dev='/dev/x'/><target dev='vda'/></disk>".repeat(count)}</devices>`;
  const large = domain(MARK, disks(2_000));
  expect(boundedXml('it', large)).toEqual({ xml: large, isMetadataCut: false });
  expect(() => boundedXml('it', domain('', disks(20_000)))).toThrow(
    /it has \d+ characters and.*80\d{3} tags/,
  );
  expect(() => boundedXml('it', domain('', `<title>${'x'.repeat(2_000_000)}</title>`))).toThrow(/not parsed/);
});

test('a word "metadata" elsewhere is not the element', () => {
  const other = `<devices><metadata>${huge('<i>tttttttttttttttttt</i>', 70_000)}</metadata></devices><metadatum>${huge('t', 70_000)}</metadatum>`;
  const xml = `<!-- <metadata> --><domain><title a='<metadata>'/>${other}</domain>`;
  expect(boundedXml('it', xml)).toEqual({ xml, isMetadataCut: false });
});

test('any text is either refused or bounded, well-formed or not', () => {
  const piece = fc.constantFrom(
    '<',
    '>',
    '</',
    '/>',
    '"',
    "'",
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '<?',
    'a',
    '<metadata>',
    '</metadata>',
    '<domain>',
    '<b>',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const xml = pieces.join('').padEnd(70_000, ' ');
      expect(boundedXml('it', xml).xml.length).toBeLessThanOrEqual(xml.length);
    }),
  );
});
