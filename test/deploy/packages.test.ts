import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const read = (file: string): string => readFileSync(join(DEPLOY, file), 'utf8');
const units = globSync(join(DEPLOY, 'systemd/*.{service,socket,timer}')).map((file) => basename(file));

/** What a polkit rule answers. */
type Rule = (action: { readonly id: string }, subject: { readonly user: string }) => string;

test('the polkit rule lets the user of the packages read, denies it changes, and decides nothing else', () => {
  const rules: Rule[] = [];
  const polkit = {
    Result: { YES: 'yes', NO: 'no', NOT_HANDLED: 'not handled' },
    addRule: (rule: Rule) => rules.push(rule),
  };
  runInNewContext(read('packages/50-virtune.rules'), { polkit });
  const answers = (id: string, user: string): string[] => rules.map((rule) => rule({ id }, { user }));
  expect(answers('org.libvirt.unix.monitor', 'virtune')).toEqual(['yes']);
  expect(answers('org.libvirt.unix.manage', 'virtune')).toEqual(['no']);
  expect(answers('org.freedesktop.login1.reboot', 'virtune')).toEqual(['not handled']);
  expect(answers('org.libvirt.unix.manage', 'root')).toEqual(['not handled']);
});

test('a removal stops every unit, and a purge forgets every unit that can be enabled', () => {
  const enabled = units.filter((unit) => read(`systemd/${unit}`).includes('[Install]'));
  expect(enabled.length).toBeGreaterThan(2);
  const named = (file: string): string[] => [
    ...new Set([...read(file).matchAll(/virtune-\w+\.(?:service|socket|timer)/g)].map(([unit]) => unit)),
  ];
  expect(named('packages/prerm').sort()).toEqual(units.toSorted());
  expect(named('packages/postrm').sort()).toEqual(enabled.toSorted());
  expect(named('packages/virtune.spec')).toEqual(expect.arrayContaining(enabled));
});

test('the exporter of the packages is the one of the unit, as the user that they create', () => {
  expect(read('packages/10-package.conf')).toMatch(/DynamicUser=no\nUser=virtune\nGroup=virtune/);
  expect(read('packages/sysusers.conf')).toMatch(/^u +virtune /m);
  expect(read('systemd/virtune-exporter.service')).toContain(
    'EnvironmentFile=-/etc/default/virtune-exporter',
  );
});
