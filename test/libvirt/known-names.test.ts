import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { XdrReader, XdrWriter } from '../../libvirt/wire/xdr.ts';

const LIMIT = 4_194_304;

function written(text: string): Buffer {
  const writer = new XdrWriter();
  writer.string(text, LIMIT);
  return writer.finish();
}

test('a name reads as the string does, the first time and again, whatever is in it', () => {
  const text = fc.string({ unit: 'binary', maxLength: 80 }).filter((each) => !each.includes('\0'));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 20 }), (texts) => {
      for (const each of [...texts, ...texts]) {
        const bytes = written(each);
        expect(new XdrReader(bytes).name(LIMIT)).toBe(new XdrReader(bytes).string(LIMIT));
      }
    }),
  );
});

test('names that differ in their last byte, or in their length alone, are not taken for each other', () => {
  for (const name of ['vcpu.1.time', 'vcpu.1.timf', 'vcpu.1.tim', 'vcpu.1.timee']) {
    expect(new XdrReader(written(name)).name(LIMIT)).toBe(name);
  }
});

test('padding of the server does not become part of the name', () => {
  const bytes = Buffer.from(written('block'));
  bytes.fill(0xff, bytes.length - 3);
  expect(new XdrReader(bytes).name(LIMIT)).toBe('block');
  expect(new XdrReader(written('block')).name(LIMIT)).toBe('block');
});

test('names that were read before are not made again, also those that share a place in the table', () => {
  const names = Array.from({ length: 1_000 }, (_, index) => `block.${index}.rd.reqs`).map(written);
  const readAll = (): void => {
    for (const bytes of names) new XdrReader(bytes).name(LIMIT);
  };
  readAll();
  const made = vi.spyOn(Buffer.prototype, 'toString');
  readAll();
  // Three names in the same slot would evict each other; of a thousand names in 8,192 slots only a few do.
  expect(made.mock.calls.length).toBeLessThan(40);
  made.mockRestore();
});
