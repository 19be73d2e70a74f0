import { XMLSerializer } from '@xmldom/xmldom';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Element, parseXml } from '../../../model/xml.ts';
import { settings } from '../../../tuner/settings/all.ts';
import type { Setting } from '../../../tuner/settings/setting.ts';
import { targetsOf } from '../../../tuner/settings/targets.ts';
import { domainXml, TARGETS } from './guests.ts';
import { NOT_BYTE_FOR_BYTE, valuesOf } from './setting-values.ts';

/** Settings that inherently disappear with another: the pins of a removed iothread, the memory of a removed cell. */
const GOES_WITH: Readonly<Record<string, RegExp>> = {
  'vcpu.placement': /^numatune\.mode$/,
  iothreads: /^iothread/,
  'iothread.pool': /^iothreads$/,
  'numa.cells': /^(memnode|hugepages)$/,
  'numatune.nodeset': /^numatune\.mode$/,
  'numatune.mode': /^numatune\.nodeset$/,
  'hyperv.stimer': /^hyperv\.stimer\.direct$/,
  'hyperv.stimer.direct': /^hyperv\.stimer$/,
  'balloon.model': /^balloon\./,
  'balloon.freePageReporting': /^balloon\.model$/,
};

const targetOf = (setting: Setting): string => TARGETS[setting.on];
const parse = (xml: string): Element => parseXml('the test', xml, 'domain');
const serialise = (root: Element): string => new XMLSerializer().serializeToString(root);

function readings(domain: Element, but: Setting): Map<string, string | undefined> {
  return new Map(
    settings
      .filter(({ id }) => id !== but.id && !GOES_WITH[but.id]?.test(id))
      .map((setting) => [setting.id, setting.read(domain, targetOf(setting))]),
  );
}

/** Settings of a thread or a cell are only written if that thread or cell exists. */
const hasTarget = (domain: Element, setting: Setting): boolean =>
  targetsOf(domain, setting.on).includes(targetOf(setting));

test.each(settings)(
  '$id reads what was written, touches nothing else, and is gone when taken out',
  (setting) => {
    fc.assert(
      fc.property(domainXml, valuesOf(setting), (xml, value) => {
        const domain = parse(xml);
        const target = targetOf(setting);
        fc.pre(hasTarget(domain, setting));
        const before = setting.read(domain, target);
        const others = readings(domain, setting);

        setting.write(domain, target, value);
        expect(setting.read(domain, target)).toBe(value);
        expect(readings(domain, setting)).toEqual(others);

        setting.write(domain, target, before);
        expect(setting.read(domain, target)).toBe(before);
      }),
      { numRuns: 50 },
    );
  },
);

const bytewise = settings.filter(({ id }) => !NOT_BYTE_FOR_BYTE.test(id));

test.each(bytewise)('$id, added and taken out again, leaves every byte as it was', (setting) => {
  fc.assert(
    fc.property(domainXml, valuesOf(setting), (xml, value) => {
      const domain = parse(xml);
      const target = targetOf(setting);
      fc.pre(hasTarget(domain, setting) && setting.read(domain, target) === undefined);
      // Removing a setting also removes an element that becomes empty, and a timer adds a clock.
      fc.pre(!/<cputune><\/cputune>|<memoryBacking\/>/.test(xml) && xml.includes('<clock'));
      const before = serialise(domain);
      setting.write(domain, target, value);
      setting.write(domain, target, undefined);
      expect(serialise(domain)).toBe(before);
    }),
    { numRuns: 20 },
  );
});
