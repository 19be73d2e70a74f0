import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VirtuneProcess } from '../virtune-process.ts';
import { TunedDemo } from './tuned-demo.ts';

const DOCUMENTED = readFileSync(join(import.meta.dirname, '../../docs/tuning.md'), 'utf8');
const TIMEOUT_MS = 120_000;

let host: TunedDemo;
beforeAll(async () => {
  host = await TunedDemo.start();
});
afterAll(() => host.stop());

/** Names of all fields, at any depth. */
function fieldsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(fieldsOf);
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...fieldsOf(inner)]);
}

/** What the exporter of the same host reports for pg-orders, with no label but the VM's, as for its other figures. */
async function exported(record: string): Promise<Record<string, unknown>> {
  const { uri } = host.demo;
  const exporter = new VirtuneProcess(
    'exporter',
    ...['--connect', uri, '--listen', '127.0.0.1:0', '--path.drift', record],
  );
  try {
    const series = (await exporter.scrape()).filter(({ labels }) => labels['domain'] === 'pg-orders');
    const found = (name: string) => series.find((each) => each.name === name);
    expect(found('virtune_tuning_drift')?.labels).toEqual({ domain: 'pg-orders' });
    return {
      virtune_tuning_drift: found('virtune_tuning_drift')?.value,
      virtune_tuning_info: found('virtune_tuning_info')?.labels,
    };
  } finally {
    await exporter.stop();
  }
}

test('a VM from plan to rollback, as JSON: each document is complete, and each field is documented', {
  timeout: TIMEOUT_MS,
}, async () => {
  const before = host.picture();
  const definition = host.vm('pg-orders').xml({ inactive: true, secure: true });
  const fields = new Set<string>();
  const ask = async (code: number, ...args: readonly string[]): Promise<unknown> => {
    const printed = await host.json(...args);
    expect([args.join(' '), printed.code]).toEqual([args.join(' '), code]);
    for (const field of fieldsOf(printed.document)) fields.add(field);
    return printed.document;
  };
  const tuning = ['pg-orders', '--profile', 'oltp-database'];

  expect(await ask(0, 'plan', ...tuning)).toMatchObject({
    format: 1,
    domains: [{ name: 'pg-orders', running: true, needsRestart: true, profile: { name: 'oltp-database' } }],
    refusals: [],
    placementProven: true,
  });
  expect(host.picture()).toEqual(before);
  expect(await ask(0, 'apply', ...tuning, '--yes')).toMatchObject({
    format: 1,
    kind: 'committed',
    failure: null,
    notes: [expect.stringMatching(/19 settings are pending until its next boot/)],
  });
  expect(await ask(0, 'apply', ...tuning, '--yes')).toEqual({
    format: 1,
    id: null,
    kind: 'unchanged',
    failure: null,
    remains: [],
    notes: [],
  });
  expect(await ask(0, 'hugepages')).toMatchObject({
    format: 1,
    domains: [{ domain: 'pg-orders', sizeKiB: 2_048, cells: [0], held: 0, wanted: 8_192 }],
    growth: { pools: [], problems: [] },
  });
  expect(await ask(0, 'drift')).toMatchObject({ format: 1, domains: [{ drifted: 0, waiting: 19 }] });
  const verified = await ask(0, 'verify', 'pg-*');
  const tables = /^### `drift`, `verify`\n(.*?)^### /ms.exec(DOCUMENTED)?.[1] ?? '';
  expect(tables).toContain('`drift.domains[]`');
  expect(Object.keys(verified as object)).toEqual(['format', 'drift', 'proofs']);
  expect(verified).toMatchObject({
    format: 1,
    drift: { domains: [{ name: 'pg-orders' }] },
    proofs: expect.arrayContaining([
      { kind: 'vcpuPin', what: expect.stringContaining('vCPU 0'), seen: [], differs: null },
    ]),
  });

  await host.movePin('pg-orders');
  const record = join(host.folder, 'drift.json');
  expect(await ask(2, 'drift', '--record-file', record)).toMatchObject({ domains: [{ drifted: 1 }] });
  expect(await exported(record)).toMatchObject({
    virtune_tuning_drift: 1,
    virtune_tuning_info: { profile: 'oltp-database' },
  });
  expect(await ask(2, 'verify')).toMatchObject({ drift: { domains: [{ drifted: 1 }] } });
  expect(await ask(0, 'watch', '--once', '--record-file', record)).toMatchObject({
    format: 1,
    kind: 'committed',
  });
  expect(await ask(0, 'drift')).toMatchObject({ domains: [{ drifted: 0 }] });
  const quiet = await host.run('watch', '--once', '--json');
  expect([quiet.code, quiet.stdout]).toEqual([0, '']);

  const history = await ask(0, 'history');
  expect(history).toMatchObject({
    format: 1,
    transactions: [
      { status: 'committed', command: expect.stringContaining('tune watch') },
      { status: 'committed', domains: [{ name: 'pg-orders', profile: 'oltp-database' }] },
    ],
    unreadable: [],
  });
  const [, first] = (history as { transactions: { id: string }[] }).transactions;
  const id = String(first?.id);
  expect(await ask(0, 'show', id)).toMatchObject({
    format: 1,
    id,
    steps: expect.arrayContaining([
      { kind: 'vcpuPin', what: expect.any(String), progress: 'done', proof: [] },
    ]),
    events: expect.arrayContaining([
      { at: expect.any(String), event: 'committed', step: null, message: null },
    ]),
  });
  expect((await host.run('show', id, '--xml', 'pg-orders')).stdout).toBe(definition);

  // Not the transaction in which watch restored it.
  expect(await ask(0, 'rollback', '--yes')).toMatchObject({
    format: 1,
    id,
    kind: 'rolled back',
    remains: [],
  });
  expect(host.picture()).toEqual(before);
  expect(await ask(0, 'recover')).toEqual({ format: 1, outcomes: [], errors: [] });
  expect(await ask(0, 'hugepages', '--allocate', '--yes')).toMatchObject({ kind: 'unchanged' });

  const undocumented = [...fields].filter(
    (field) => !new RegExp(`\`[^\`]*\\b${field}\\b[^\`]*\``).test(DOCUMENTED),
  );
  expect(undocumented).toEqual([]);
});
