import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const DEPLOY = join(import.meta.dirname, '../../deploy');

interface Task {
  readonly when?: unknown;
  readonly notify?: string | readonly string[];
  readonly loop?: unknown;
  readonly 'ansible.builtin.import_tasks'?: string;
  readonly 'ansible.builtin.template'?: { readonly dest: string };
}
const read = (file: string): unknown =>
  parse(readFileSync(join(DEPLOY, `ansible/roles/virtune/${file}.yml`), 'utf8'));
const tasks = (file: string): Task[] => read(`tasks/${file}`) as Task[];
const { virtune_executable_files: beside } = read('vars/main') as {
  readonly virtune_executable_files: readonly { readonly src: string; readonly dest: string }[];
};

test('with the executable the role copies every unit of the packages, and restarts what runs of them', () => {
  const copies = tasks('executable').filter(({ notify }) => notify !== undefined);
  expect(copies.map(({ notify }) => notify)).toEqual(
    copies.map(() => ['Restart the exporter', 'Restart the tuner']),
  );
  expect(copies.map(({ loop }) => loop)).toContain('{{ virtune_executable_files }}');
  const copied = beside.map(({ src }) => src);
  const units = globSync(join(DEPLOY, 'systemd/*.{service,socket,timer}')).map(
    (file) => `systemd/${basename(file)}`,
  );
  expect(copied).toEqual(expect.arrayContaining(units));
});

test('with a package the role removes what it copied beside the executable, which would hide the units of the package', () => {
  const removal = tasks('package').find(({ loop }) => String(loop).includes('virtune_executable_files'));
  expect(removal).toBeDefined();
  expect(beside.map(({ dest }) => dest)).toContain('systemd/system/virtune-exporter.service');
});

test('on a host that is not tuned the role also stops units and removes its files', () => {
  const imported = new Map(tasks('main').map((task) => [task['ansible.builtin.import_tasks'], task.when]));
  expect(imported.get('tune.yml')).toBeDefined();
  for (const file of ['units.yml', 'unused.yml']) {
    expect(imported.has(file), file).toBe(true);
    expect(imported.get(file), file).toBeUndefined();
  }
});

test('passwords and TLS of the role come with a restart: a reload refuses to switch TLS, and only the log says so', () => {
  const [web] = tasks('exporter').filter(
    (task) => task['ansible.builtin.template']?.dest === '{{ virtune_web_file }}',
  );
  expect(web?.notify).toBe('Restart the exporter');
});
