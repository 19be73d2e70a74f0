import { child, type Element, text } from '../../model/xml.ts';
import type { StepParam } from '../steps/step.ts';
import { textSetting } from './declare.ts';
import { stringParam, wholeParam } from './params.ts';
import type { LiveChange, Setting } from './setting.ts';
import { targetElement } from './targets.ts';
import { positive } from './values.ts';

/** libvirt's names, shared by XML and API. */
const DIRECTIONS = ['total', 'read', 'write'] as const;
const MEASURES = ['bytes', 'iops'] as const;

interface Limit {
  readonly id: string;
  readonly element: string;
  readonly title: string;
  /** What must be 0 for this to be set, and what must be reset together with this. */
  readonly excludes: readonly string[];
  readonly carries: readonly string[];
}

function limits(measure: 'bytes' | 'iops', direction: 'total' | 'read' | 'write'): Limit[] {
  const base = `${direction}_${measure}_sec`;
  const others = direction === 'total' ? (['read', 'write'] as const) : (['total'] as const);
  const excludes = (suffix: string): string[] =>
    others.flatMap((other) => [
      `${other}_${measure}_sec${suffix}`,
      `${other}_${measure}_sec_max`,
      `${other}_${measure}_sec_max_length`,
    ]);
  const what = `${measure === 'bytes' ? 'bytes' : 'requests'} per second, ${direction === 'total' ? 'reads and writes' : `${direction}s`}`;
  const name = `disk.iotune.${direction}${measure === 'bytes' ? 'Bytes' : 'Iops'}Sec`;
  return [
    {
      id: name,
      element: base,
      title: `maximum ${what}`,
      excludes: excludes(''),
      carries: [`${base}_max`, `${base}_max_length`],
    },
    {
      id: `${name}Max`,
      element: `${base}_max`,
      title: `maximum ${what}, in a burst`,
      excludes: excludes(''),
      carries: [`${base}_max_length`],
    },
    {
      id: `${name}MaxLength`,
      element: `${base}_max_length`,
      title: `maximum burst duration, seconds: ${what}`,
      excludes: [],
      carries: [],
    },
  ];
}

function limitSetting({ id, element, title, excludes, carries }: Limit): Setting {
  return textSetting({
    id,
    title,
    on: 'disk',
    path: ['iotune', element],
    canonical: positive,
    live: ({ domain, target, to, live }: LiveChange) => {
      // Each call must leave a valid state: libvirt checks its values together with the present ones.
      const also = said(live, target, to === undefined ? carries : excludes);
      const params = also.map((name) => wholeParam(name, 'ullong', '0'));
      return [step(domain, target, [...params, wholeParam(element, 'ullong', to ?? '0')])];
    },
  });
}

function said(live: Element, target: string, names: readonly string[]): string[] {
  const iotune = child(targetElement(live, 'disk', target), 'iotune');
  return names.filter((name) => positive(text(child(iotune, name))) !== undefined);
}

const step = (domain: LiveChange['domain'], disk: string, to: readonly StepParam[]) =>
  ({ kind: 'blockIoTune', domain, disk, to }) as const;

const size = textSetting({
  id: 'disk.iotune.sizeIopsSec',
  title: 'bytes that count as one request of the limit',
  on: 'disk',
  path: ['iotune', 'size_iops_sec'],
  canonical: positive,
  live: ({ domain, target, to }: LiveChange) => [
    step(domain, target, [wholeParam('size_iops_sec', 'ullong', to ?? '0')]),
  ],
});

const group = textSetting({
  id: 'disk.iotune.group',
  title: 'group of disks that share their limits',
  on: 'disk',
  path: ['iotune', 'group_name'],
  canonical: (name) => (name === '' ? undefined : name),
  live: ({ domain, target, to }: LiveChange) =>
    to === undefined ? undefined : [step(domain, target, [stringParam('group_name', to)])],
});

export const iotuneSettings: readonly Setting[] = [
  ...MEASURES.flatMap((measure) =>
    DIRECTIONS.flatMap((direction) => limits(measure, direction).map(limitSetting)),
  ),
  size,
  group,
];
