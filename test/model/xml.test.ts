import { expect, test } from 'vitest';
import { ModelXmlError, parseXml } from '../../model/xml.ts';

/** Empty elements with two tags each, or one. */
const xmlOf = (elements: number, element = '<a></a>'): string =>
  `<capabilities>${element.repeat(elements)}</capabilities>`;

test('XML of as many tags as a large host has is parsed, and one tag more is refused before it is', () => {
  // Including the tags of the root.
  const most = 131_072 - 2;
  expect(parseXml('capabilities', xmlOf(most, '<a/>'), 'capabilities').childNodes).toHaveLength(most);
  for (const xml of [xmlOf(most + 1, '<a/>'), xmlOf(most / 2 + 1), '<'.repeat(131_073)]) {
    expect(() => parseXml('the capabilities', xml, 'capabilities')).toThrow(
      new ModelXmlError('the capabilities has more than 131072 tags: it is not parsed'),
    );
  }
});

test('XML that is longer than libvirt sends is refused before it is parsed, with its length', () => {
  const long = `<a>${'x'.repeat(4_194_304)}</a>`;
  expect(() => parseXml('a pool', long, 'a')).toThrow('a pool: 4194311 characters is too long');
});

test('XML with a tag in each of its characters that never closes gives a short error', () => {
  const unclosed = `<a>${'<b>'.repeat(100_000)}`;
  const error = (() => {
    try {
      return parseXml('a domain', unclosed, 'a');
    } catch (thrown) {
      return thrown as Error;
    }
  })();
  expect(error).toBeInstanceOf(ModelXmlError);
  expect((error as Error).message.length).toBeLessThan(1_000);
});
