import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { unknownIn } from '../docs/virtune-calls.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const read = (file: string): string => readFileSync(join(DEPLOY, file), 'utf8');
const EXPORTER = 'virtune-exporter.service';
const units = globSync(join(DEPLOY, 'systemd/*.{service,socket,timer}')).map((file) => basename(file));

/** The result of a polkit rule. */
type Rule = (
  action: { readonly id: string },
  subject: { readonly user: string; isInGroup(name: string): boolean },
) => string;

/** polkit's answer for a user in the group libvirt: by name of the files, the first rule that decides. */
function polkitAnswer(files: Readonly<Record<string, string>>, id: string, user: string): string {
  const Result = { YES: 'yes', NO: 'no', NOT_HANDLED: 'not handled' };
  const rules: Rule[] = [];
  const polkit = { Result, addRule: (rule: Rule) => rules.push(rule) };
  for (const name of Object.keys(files).sort()) runInNewContext(files[name] as string, { polkit });
  const subject = { user, isInGroup: (name: string) => name === 'libvirt' };
  const answers = rules.map((rule) => rule({ id }, subject));
  return answers.find((answer) => answer !== Result.NOT_HANDLED) ?? Result.NOT_HANDLED;
}

const [ourRules = ''] = globSync(join(DEPLOY, 'packages/*.rules')).map((file) => basename(file));

test('the polkit rule lets the user of the packages read, denies it changes, and decides nothing else', () => {
  const ours = { [ourRules]: read(`packages/${ourRules}`) };
  expect(polkitAnswer(ours, 'org.libvirt.unix.monitor', 'virtune')).toBe('yes');
  expect(polkitAnswer(ours, 'org.libvirt.unix.manage', 'virtune')).toBe('no');
  expect(polkitAnswer(ours, 'org.freedesktop.login1.reboot', 'virtune')).toBe('not handled');
  expect(polkitAnswer(ours, 'org.libvirt.unix.manage', 'root')).toBe('not handled');
});

/** The rule of the libvirt group, with the file name and content used by libvirt itself and distributions. */
const LIBVIRT_RULE = `polkit.addRule(function (action, subject) {
  if (action.id == "org.libvirt.unix.manage" && subject.isInGroup("libvirt")) return polkit.Result.YES;
});`;
const OUR_EXCEPTION = `polkit.addRule(function (action, subject) {
  if (action.id == "org.libvirt.unix.manage" && subject.user == "virtune") return polkit.Result.YES;
});`;

test.each(['50-libvirt.rules', '60-libvirt.rules', '80-libvirt-manage.rules'])(
  'the polkit rule denies changes also to a member of the group libvirt, before %s allows them',
  (name) => {
    const files = { [name]: LIBVIRT_RULE, [ourRules]: read(`packages/${ourRules}`) };
    expect(polkitAnswer(files, 'org.libvirt.unix.manage', 'virtune')).toBe('no');
    expect(polkitAnswer(files, 'org.libvirt.unix.manage', 'operator1')).toBe('yes');
    const [documented = ''] = /40-virtune\.rules/.exec(read(`systemd/${EXPORTER}.d/guest-agent.conf`)) ?? [];
    const allowed = { ...files, [documented]: OUR_EXCEPTION };
    expect(polkitAnswer(allowed, 'org.libvirt.unix.manage', 'virtune')).toBe('yes');
  },
);

test('the exporter has room for 5,000 VMs with a sink before it is slowed down, and for a hundred hosts over ssh', () => {
  const limit = (name: string, unit: string): number =>
    Number(new RegExp(`^${name}=(\\d+)${unit}$`, 'm').exec(read(`systemd/${EXPORTER}`))?.[1]);
  const benchmarks = readFileSync(join(DEPLOY, '../docs/benchmarks.md'), 'utf8');
  const [, residentMib] = /^\| 5000 +\|.*\| +(\d+) +\|$/m.exec(benchmarks) ?? [];
  // A sink takes 60 MiB (docs/benchmarks.md).
  expect(limit('MemoryHigh', 'M')).toBeGreaterThan(Number(residentMib) + 60);
  expect(limit('MemoryMax', 'G') * 1_024).toBeGreaterThan(limit('MemoryHigh', 'M'));
  // Threads, and up to 7 connections for each host.
  expect(limit('TasksMax', '')).toBeGreaterThan(24 + 7 * 100);
});

test('every unit that can be enabled is known to an installation and a purge, and a removal stops every unit', () => {
  const enabled = units.filter((unit) => read(`systemd/${unit}`).includes('[Install]'));
  expect(enabled.length).toBeGreaterThan(2);
  const named = (file: string): string[] => [
    ...new Set([...read(file).matchAll(/virtune-\w+\.(?:service|socket|timer)/g)].map(([unit]) => unit)),
  ];
  expect(named('packages/postinst').sort()).toEqual(enabled.toSorted());
  expect(named('packages/prerm').sort()).toEqual(units.toSorted());
  expect(named('packages/postrm').sort()).toEqual(enabled.toSorted());
  expect(named('packages/virtune.spec').sort()).toEqual(units.toSorted());
});

test('the exporter of the packages is the one of the unit, as the user that they create', () => {
  expect(read('packages/10-package.conf')).toMatch(/DynamicUser=no\nUser=virtune\nGroup=virtune/);
  expect(read('packages/sysusers.conf')).toMatch(/^u +virtune /m);
  expect(read(`systemd/${EXPORTER}`)).toContain('EnvironmentFile=-/etc/default/virtune-exporter');
});

/** Values of a setting in a unit or drop-in, comments left out. */
const settings = (file: string, name: string): string[] =>
  [...read(file).matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
const dropIns = globSync(join(DEPLOY, `systemd/${EXPORTER}.d/*.conf`)).map((file) => basename(file));

test('drop-ins of the exporter can be combined: the flags of each, and those of the administrator, are all used', () => {
  const [command = ''] = settings(`systemd/${EXPORTER}`, 'ExecStart');
  const variables = [...command.matchAll(/\$(\w+)/g)].map(([, name = '']) => name);
  // Before the administrator's file, which may set them, so that systemd does not warn about missing variables.
  expect(settings(`systemd/${EXPORTER}`, 'Environment')).toEqual([
    variables.map((name) => `${name}=`).join(' '),
  ]);
  const assigned = dropIns.flatMap((name) => {
    const file = `systemd/${EXPORTER}.d/${name}`;
    expect(settings(file, 'ExecStart'), name).toEqual([]);
    return settings(file, 'Environment').map((value) => value.replaceAll('"', '').split(/=(.*)/s, 2));
  });
  expect(assigned.map(([name]) => name).sort()).toEqual(variables.filter((name) => name !== 'ARGS').sort());
  const flags = new Map(assigned as [string, string][]);
  const all = command.replaceAll(/\$(\w+)/g, (_, name: string) => flags.get(name) ?? '');
  expect(unknownIn(all)).toEqual([]);
  expect(all).toMatch(
    /--collect\.agent .*--collect\.numa .*--elasticsearch\.api-key-file .*--otlp\.headers-file /,
  );
});

test('secrets of drop-ins are files that the exporter itself reads again, in the folder that its user can enter', () => {
  for (const name of ['elasticsearch.conf', 'otlp.conf']) {
    const file = `systemd/${EXPORTER}.d/${name}`;
    expect(settings(file, 'Environment').join(), name).toMatch(/-file \/etc\/virtune\//);
    // systemd copies a credential when the service starts and never updates it.
    expect(settings(file, 'LoadCredential'), name).toEqual([]);
  }
  expect(read('packages/tmpfiles.conf')).toMatch(/^d \/etc\/virtune 0750 root virtune /m);
});

test('the socket, as the flag, is for this host alone until an administrator changes it', () => {
  expect(settings('systemd/virtune-exporter.socket', 'ListenStream')).toEqual(['127.0.0.1:9177']);
});

test('the exporter of the packages starts on a host without user namespaces', () => {
  expect(settings('packages/10-package.conf', 'PrivateUsers')).toEqual(['no']);
});
