import { expect, test } from 'vitest';
import { checkDefinition, withoutVolatileParts } from '../../../tuner/apply/preconditions.ts';

const domain = { uuid: '11111111-2222-4333-8444-555555555555', name: 'db01' };
const running = (body: string): string => withoutVolatileParts(`<domain type='kvm'>${body}</domain>`);

test.each([
  ['the balloon', '<currentMemory>1</currentMemory>', '<currentMemory>2</currentMemory>'],
  [
    'a program that listens on a channel',
    "<devices><channel><target name='agent' state='connected'/></channel></devices>",
    "<devices><channel><target name='agent' state='disconnected'/></channel></devices>",
  ],
  [
    'an open tray',
    "<devices><disk><target dev='sda' tray='open'/></disk></devices>",
    "<devices><disk><target dev='sda'/></disk></devices>",
  ],
  [
    'the size that a virtio-mem device has now',
    '<devices><memory><target><size>9</size><current>4</current></target></memory></devices>',
    '<devices><memory><target><size>9</size></target></memory></devices>',
  ],
  [
    'the password of a screen',
    "<devices><graphics type='vnc' passwd='x' passwdValidTo='y' connected='keep'/></devices>",
    "<devices><graphics type='vnc'/></devices>",
  ],
])('a running domain has not changed when %s has', (_, was, is) => {
  expect(running(is)).toBe(running(was));
});

test.each([
  ['memory', '<memory>1</memory>', '<memory>2</memory>'],
  [
    'the name of a channel',
    "<devices><channel><target name='a'/></channel></devices>",
    "<devices><channel><target name='b'/></channel></devices>",
  ],
  [
    'a disk',
    "<devices><disk><target dev='sda'/></disk></devices>",
    "<devices><disk><target dev='sdb'/></disk></devices>",
  ],
  [
    'the size of a memory device',
    '<devices><memory><target><size>9</size></target></memory></devices>',
    '<devices><memory><target><size>8</size></target></memory></devices>',
  ],
  [
    'the port of a screen',
    "<devices><graphics type='vnc' port='1'/></devices>",
    "<devices><graphics type='vnc' port='2'/></devices>",
  ],
])('a running domain has changed when %s has', (_, was, is) => {
  expect(running(is)).not.toBe(running(was));
});

const check = (inactive: string | undefined, xml: string | null): (() => void) => {
  return () => checkDefinition({ domain, inactive }, xml);
};

test('a definition that is the planned one passes, and none where none was planned', () => {
  expect(check('<domain/>', '<domain/>')).not.toThrow();
  expect(check(undefined, null)).not.toThrow();
});

test.each([
  ['a\n  b\nc', 'a\n  x\nc', '"x" instead of "b"'],
  ['a\nb', 'a\nb\nc', '"c" instead of "nothing"'],
  ['a\nb', 'a', '"nothing" instead of "b"'],
  [undefined, 'a', '"a" instead of ""'],
])(
  'a definition that is not the planned one is refused, with the first line that differs',
  (was, is, line) => {
    expect(check(was, is)).toThrow(
      expect.objectContaining({
        code: 'TUNE_CHANGED',
        message: expect.stringContaining(`its definition has ${line};`),
      }),
    );
  },
);
