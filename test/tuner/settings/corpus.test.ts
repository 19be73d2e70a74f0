import { XMLSerializer } from '@xmldom/xmldom';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDomain } from '../../../model/domain/domain.ts';
import { type Element, parseXml } from '../../../model/xml.ts';
import { changeDefinition } from '../../../tuner/plan/definition.ts';
import { findSetting, settings } from '../../../tuner/settings/all.ts';
import type { Setting } from '../../../tuner/settings/setting.ts';
import { targetsOf } from '../../../tuner/settings/targets.ts';
import { corpus } from '../../model/corpus.ts';
import { NOT_BYTE_FOR_BYTE, valuesOf } from './setting-values.ts';

const parse = (xml: string): Element => parseXml('the corpus', xml, 'domain');
const text = (root: Element): string => new XMLSerializer().serializeToString(root);

test.each(corpus)('$kind: a change of its CPU shares changes no other line', ({ xml }) => {
  const setting = findSetting('shares') as Setting;
  const reasons = { knob: 'cpu.shares', why: 'a test', source: 'judgement' };
  const view = { xml, root: parse(xml), facts: parseDomain(xml) };
  const change = changeDefinition(view, [{ setting, target: '', value: '777', ...reasons }], () => undefined);
  // An undo sends libvirt exactly the text that it had returned.
  expect(change.before).toBe(xml);
  const lines = change.diff.split('\n').filter((line) => /^[-+](?![-+])/.test(line));
  const changed = lines.map((line) => line.slice(1).trim()).filter((line) => !/^<\/?cputune>$/.test(line));
  expect(changed.at(-1)).toBe('<shares>777</shares>');
  expect(changed.slice(0, -1)).toEqual(
    setting.read(view.root, '') === undefined ? [] : ['<shares>2048</shares>'],
  );
});

const bytewise = settings.filter(({ id }) => !NOT_BYTE_FOR_BYTE.test(id));

test.each(corpus)('$kind: each setting, added and removed again, leaves every byte as it was', ({ xml }) => {
  for (const setting of bytewise) {
    for (const target of targetsOf(parse(xml), setting.on)) {
      const domain = parse(xml);
      if (setting.read(domain, target) !== undefined) continue;
      const before = text(domain);
      const [value = ''] = fc.sample(valuesOf(setting), { numRuns: 1, seed: 7 });
      setting.write(domain, target, value);
      expect(text(domain)).not.toBe(before);
      setting.write(domain, target, undefined);
      expect(text(domain), `${setting.id} ${target} = ${value}`).toBe(before);
    }
  }
});
