import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { alertGroups } from '../../dashboards/rules/alerts/all.ts';
import { settingsSchema } from '../../dashboards/rules/settings-schema.ts';
import { parseConfig } from '../../exporter/config/config.ts';
import { parseYaml } from '../../model/yaml.ts';
import { labelsOf } from '../dashboards/labels.ts';
import { selectorsOf } from '../dashboards/promql.ts';
import { checkRules, hasPromtool } from '../dashboards/promtool.ts';
import { filled, type Line, PROGRAMS, parseRunbook, readGuide, readRunbooks, SECTIONS } from './runbooks.ts';
import { VIRSH_OPTIONS } from './virsh-options.ts';
import { unknownIn, virtuneOptions } from './virtune-calls.ts';

const runbooks = readRunbooks();
const guide = readGuide();
const rules = new Map(alertGroups.flatMap(({ alerts }) => alerts).map((rule) => [rule.alert, rule]));
const commands = [...runbooks, guide].flatMap((runbook) => runbook.commands);
const queries = runbooks.flatMap((runbook) => runbook.queries);
const spans = [...runbooks, guide].flatMap((runbook) => runbook.spans);
const said = ({ runbook, section, text }: Line): string => `${runbook}, ${section}: ${text}`;

/** Placeholders from the table in the folder's README. */
const placeholders = new Set(
  [...guide.text.matchAll(/^\| (`[^|]+`) +\|/gm)].flatMap(([, cell = '']) => cell.match(/[A-Z]{2,}/g) ?? []),
);

/** Commands that change something rather than only show it. */
const CURES = [
  /^virtune (dashboards build|tune (apply|rollback|hugepages --allocate)|elasticsearch setup) ?/,
  /^virsh (-c \S+ )?(allocpages|block(commit|copy|pull)|destroy|dom(fstrim|jobabort)|memtune|migrate|res(et|ume)) /,
  /^virsh (-c \S+ )?(setmaxmem|setmem|setvcpus|shutdown|snapshot-delete|start|undefine) /,
  /^virsh (blkdeviotune|domiftune|node-memory-tune|schedinfo|vcpupin) .*--/,
  /systemctl (reload|restart)|^chronyc makestep|^curl .*-X POST|^kill |^virt-admin server-threadpool-set|^echo|^swapoff|^swapon -a|^sysctl/,
];

test.each(runbooks.map((runbook) => [runbook.alert, runbook] as const))(
  'the runbook of %s has all sections in order, a cure, and a query that shows whether it worked',
  (alert, { headings, text, commands: its, queries: asked }) => {
    expect(text).toMatch(new RegExp(`^# ${alert}\n`));
    expect(headings).toEqual(SECTIONS);
    expect(
      its.filter(
        ({ section, text: line }) => section === 'Mitigation' && CURES.some((cure) => cure.test(line)),
      ),
    ).not.toEqual([]);
    expect(asked.filter(({ section }) => section === 'Verification')).not.toEqual([]);
    expect([...its, ...asked].filter(({ section }) => section === 'Diagnosis')).not.toEqual([]);
  },
);

test('the queries of Verification compare with the thresholds of their alert', () => {
  const wrong = queries
    .filter(({ section }) => section === 'Verification')
    .filter(({ runbook, text }) => {
      const thresholds = Object.values(rules.get(runbook)?.thresholds ?? {}).map(({ value }) => value);
      const numbers = [...text.matchAll(/(?:[<>]=?|==|,) (-?\d+(?:\.\d+)?)/g)].map(([, number]) =>
        Number(number),
      );
      return numbers.some((number) => ![0, 1, ...thresholds].includes(number));
    });
  expect(wrong.map(said)).toEqual([]);
});

test('every alert that a runbook refers to exists', () => {
  const named = runbooks.flatMap(({ alert, text }) =>
    [...text.matchAll(/\b[Ss]ee \[?([A-Z]\w+)/g)].map(([, name = '']) => ({ alert, name })),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(({ name }) => !rules.has(name))).toEqual([]);
});

test('commands are written in the language of the shell, and call programs that are known', () => {
  const script = commands.map(({ text }) => text).join('\n');
  expect(spawnSync('sh', ['-n'], { encoding: 'utf8', input: script })).toMatchObject({
    status: 0,
    stderr: '',
  });
  const unknown = commands.filter(({ text }) => programsOf(text).some((program) => !PROGRAMS.has(program)));
  expect(unknown.map(said)).toEqual([]);
});

/** The first word of each simple command of a line. */
function programsOf(line: string): string[] {
  return line
    .split(/\|\||&&|[|;]|\bdo\b|"?\$\(/)
    .map((part) => part.trim())
    .filter((part) => part !== '' && !/^(for|done|\w+=)/.test(part))
    .map((part) => part.split(/[\s)]/)[0] ?? '');
}

test('commands of virsh and virtune exist, with all of their options', () => {
  const wrong = commands.flatMap((line) =>
    line.text.split(/\|\||&&|[|;]|\$\(|\)/).flatMap((part) => {
      const words = part.trim().split(/\s+/);
      const program = words.find((word) => word === 'virsh' || word === 'virtune');
      if (program === 'virtune') {
        // On the host itself, through ssh.
        const call = words.slice(words.indexOf('virtune')).join(' ');
        return unknownIn(call).map((what) => `${said(line)}: ${what}`);
      }
      if (program !== 'virsh') return [];
      const name = /virsh (?:-r |-c \S+ )?([\w-]+)/.exec(part)?.[1] ?? '';
      const known = VIRSH_OPTIONS[name];
      if (known === undefined) return [`${said(line)}: virsh ${name}`];
      const options = words.filter((word) => word.startsWith('--')).map((word) => word.slice(2));
      return options
        .filter((option) => !known.includes(option))
        .map((option) => `${said(line)}: --${option}`);
    }),
  );
  expect(wrong).toEqual([]);
});

/** Words in capitals that are not placeholders. */
const LITERAL: ReadonlySet<string> = new Set(['ALERTS', 'CONT', 'POST']);

test('the runbook of a VM that hangs shows the state of each thread, whatever its name is', () => {
  const found = commands.find(
    ({ runbook, text }) => runbook === 'DomainUnresponsive' && text.startsWith('for '),
  );
  const folder = mkdtempSync(join(tmpdir(), 'virtune-threads-'));
  try {
    for (const [id, name, state] of [
      ['4711', 'qemu-system-x86', 'S (sleeping)'],
      ['4712', 'CPU 0/KVM', 'D (disk sleep)'],
      ['4713', 'IO iothread1', 'T (stopped)'],
    ] as const) {
      const task = join(folder, 'task', id);
      mkdirSync(task, { recursive: true });
      writeFileSync(join(task, 'comm'), `${name}\n`);
      writeFileSync(join(task, 'stat'), `${id} (${name}) ${state[0]} 1 4711 4711 0 -1\n`);
      writeFileSync(join(task, 'status'), `Name:\t${name}\nUmask:\t0022\nState:\t${state}\nTgid:\t4711\n`);
    }
    const script = found?.text.replace(/\/proc\/\$\(cat [^)]+\)/, folder) ?? '';
    expect(spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout).toBe(
      'qemu-system-x86: State:\tS (sleeping)\nCPU 0/KVM: State:\tD (disk sleep)\nIO iothread1: State:\tT (stopped)\n',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('words in capitals are placeholders that the README of the folder explains', () => {
  const unknown = [...commands, ...queries].filter(({ text }) =>
    (text.match(/(?<![\w-])[A-Z]{2,}(?!\w)/g) ?? []).some(
      (word) => !placeholders.has(word) && !LITERAL.has(word),
    ),
  );
  expect(unknown.map(said)).toEqual([]);
  expect(filled('virsh start VM -9 PID', { VM: 'web', PID: '1' })).toBe('virsh start web -9 1');
});

test('inline code that is not a command is a setting, an option, a query, or one word', async () => {
  const settings = new Set<string>();
  for (const { text } of spans) if (text.includes(' ') && (await isConfig(text))) settings.add(text);
  const faults = spans.filter(({ text }) => {
    if (text.startsWith('--')) return !virtuneOptions.has(text) && !isOptionOfVirsh(text);
    if (/^\w+: \{/.test(text)) {
      const [name = ''] = text.split(':');
      return Object.keys(parseYaml('runbook', text, settingsSchema())).join() !== name || !rules.has(name);
    }
    return (
      text.includes(' ') &&
      !settings.has(text) &&
      faultsOf(text.startsWith('{') ? `up${text}` : text).length > 0 &&
      !/^\w+=\S+ \w+=\S+$/.test(text)
    );
  });
  expect(faults.map(said)).toEqual([]);
  expect([await isConfig('maintenance: true'), await isConfig('maintenance: often')]).toEqual([true, false]);
});

/** Whether the file of `--config.file` may have this line. */
function isConfig(text: string): Promise<boolean> {
  return parseConfig('runbook', text).then(
    () => true,
    () => false,
  );
}

const isOptionOfVirsh = (text: string): boolean =>
  Object.values(VIRSH_OPTIONS).some((options) => options.includes(text.slice(2)));

test('queries name only series that are exported or recorded, with labels that these have', () => {
  expect(queries.length).toBeGreaterThan(90);
  expect(queries.flatMap((query) => faultsOf(query.text).map((fault) => `${said(query)}: ${fault}`))).toEqual(
    [],
  );
  expect(faultsOf('libvirt_up{domain="a"}')).toEqual(['libvirt_up has no label domain']);
  expect(faultsOf('libvirt_down')).toEqual(['libvirt_down does not exist']);
  expect(faultsOf('ALERTS{alertname="DiskLatencyHigh", domain="a"}')).toEqual([]);
  expect(faultsOf('ALERTS{alert="DiskLatencyHigh"}')).toEqual(['ALERTS has no label alert']);
});

function faultsOf(query: string): string[] {
  try {
    return selectorsOf(query).flatMap(({ name, matchers }) => {
      if (name === undefined)
        return matchers.some(({ label }) => label === '__name__') ? [] : ['a selector without a name'];
      const labels = labelsOf(name);
      if (labels === undefined) return [`${name} does not exist`];
      return matchers
        .filter(({ label }) => !labels.has(label))
        .map(({ label }) => `${name} has no label ${label}`);
    });
  } catch (error) {
    return [(error as Error).message];
  }
}

test.skipIf(!hasPromtool)('Prometheus reads every query', () => {
  const rules = queries.map(({ text }, index) => ({ record: `q${index}`, expr: text }));
  const { passed, output } = checkRules([{ name: 'runbooks', rules }]);
  expect(passed, output).toBe(true);
});

test('a command in a block or inline is found, a name in a sentence is not', () => {
  const text = '# A\n\n## Diagnosis\n\nSee `virtune top` or `top`; `ps -e`.\n\n```sh\nuptime   # load\n```\n';
  expect(parseRunbook('A', text).commands.map((line) => line.text)).toEqual([
    'uptime',
    'virtune top',
    'ps -e',
  ]);
});
