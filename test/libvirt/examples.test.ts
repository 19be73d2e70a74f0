import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../libvirt/index.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';

let demo: Demo | undefined;
afterEach(() => demo?.stop());

/** Starts one of libvirt/examples on a simulated host. */
async function start(example: string, scenario: string, ...args: readonly string[]) {
  demo = await startDemo({ scenario });
  const path = join(import.meta.dirname, '../../libvirt/examples', example);
  const child = spawn(process.execPath, [path, demo.uri, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  return { demo, child, lines: createInterface({ input: child.stdout }), ended: once(child, 'close') };
}

interface Run {
  readonly demo: Demo;
  readonly code: number;
  readonly output: readonly string[];
  readonly errors: string;
}

async function run(example: string, scenario: string, ...args: readonly string[]): Promise<Run> {
  const { demo, child, lines, ended } = await start(example, scenario, ...args);
  const output: string[] = [];
  lines.on('line', (line) => output.push(line));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code] = (await ended) as [number];
  return { demo, code, output, errors };
}

test('list-domains prints the state of every VM', async () => {
  const { demo, code, output, errors } = await run('list-domains.ts', 'calm');
  expect([code, errors]).toEqual([0, '']);
  expect(output).toHaveLength(1 + demo.scenario.vms.length);
  expect(output[0]).toBe('simulated-host');
  expect(output).toContain('"web-01" running');
  expect(output.filter((line) => line.endsWith(' paused'))).toHaveLength(1);
  expect(output.filter((line) => line.endsWith(' shutoff'))).toHaveLength(1);
});

test('dump-xml prints the definition of a VM, or that there is none of this name', async () => {
  const found = await run('dump-xml.ts', 'calm', 'web-01');
  expect([found.code, found.errors]).toEqual([0, '']);
  expect(found.output.join('\n')).toMatch(/^<domain .*<name>web-01<\/name>.*<\/domain>$/s);
  await found.demo.stop();
  const missing = await run('dump-xml.ts', 'calm', 'web-99');
  expect([missing.code, missing.output]).toEqual([1, []]);
  expect(missing.errors).toBe('there is no VM "web-99"; list-domains.ts prints the names\n');
});

test('cpu-steal prints steal for every running VM, above zero on an overcommitted host', async () => {
  const { code, output, errors } = await run('cpu-steal.ts', 'overcommitted');
  expect([code, errors]).toEqual([0, '']);
  const steal = output.map((line) => /^"[\w-]+" steal ([\d.]+) %$/.exec(line)?.[1]);
  expect(steal.length).toBeGreaterThan(10);
  expect(steal).not.toContain(undefined);
  expect(Math.max(...steal.map(Number))).toBeGreaterThan(1);
  expect(Math.max(...steal.map(Number))).toBeLessThanOrEqual(100);
});

test('watch prints that a VM stopped, and ends with Ctrl-C', async () => {
  const { demo, child, lines, ended } = await start('watch.ts', 'calm');
  const writer = await connect(demo.uri, { readOnly: false });
  for await (const line of lines) {
    if (line === 'watching') {
      await writer.call('domainDestroyFlags', { domain: await writer.domainByName('web-01'), flags: 0 });
    }
    if (line === '"web-01" stopped') break;
  }
  await writer.close();
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
});
