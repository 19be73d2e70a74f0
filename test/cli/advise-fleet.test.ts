import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { constraintsOf } from '../../advice/fleet/constraints.ts';
import { planFleet } from '../../advice/fleet/plan.ts';
import { fleetText } from '../../cli/advise/fleet-text.ts';
import { GIB, hostOf, vmOf, vmsOf } from '../advice/fleet/made-fleet.ts';
import { recordedOf } from '../bench/fleet/recorded-world.ts';
import { runVirtune } from '../virtune-process.ts';

/** Prometheus' answers for a small fleet. */
const RECORDED = { hosts: 8, clusters: 2, hours: 24 };
let prometheus: Server;
let url: string;
beforeAll(async () => {
  prometheus = createServer(async (request, response) => {
    const form = new URLSearchParams(await text(request));
    const result = recordedOf(form.get('query') ?? '', {
      ...RECORDED,
      startSeconds: Number(form.get('start') ?? 0),
    });
    const resultType = request.url?.endsWith('query_range') === true ? 'matrix' : 'vector';
    response.end(JSON.stringify({ status: 'success', data: { resultType, result } }));
  });
  await new Promise<void>((resolve) => prometheus.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(prometheus.address() as AddressInfo).port}`;
});
afterAll(() => prometheus.close());

const advise = (...args: readonly string[]) => runVirtune('advise', ...args);

test('a plan comes as a table and as JSON, with the same moves', async () => {
  const args = ['--fleet', '--prometheus', url, '--range', '1d'];
  const [table, json] = [await advise(...args), await advise(...args, '--json')];
  expect(table.code).toBe(0);
  expect(table.stderr).toBe('');
  expect(table.stdout).toContain('8 hosts with 400 VMs in 2 clusters, by 1d of series.');
  const { format, moves, leftOut } = JSON.parse(json.stdout);
  expect(format).toBe(1);
  expect(leftOut).toEqual([]);
  expect(moves.length).toBeGreaterThan(2);
  expect(table.stdout).toContain(`${moves.length} moves, in this order;`);
  const [{ name, from, to }] = moves;
  expect(table.stdout).toMatch(new RegExp(`\\n1 +${name} +c0/${from} +${to} `));
});

test('flags that do not belong together, or are missing, are refused', async () => {
  for (const [args, message] of [
    [['--virsh'], '--virsh needs --fleet, which reads series of a Prometheus'],
    [['--query-timeout', '1m'], '--query-timeout needs --prometheus, or --fleet with it'],
    [['--instance', 'kvm1'], '--instance needs --prometheus'],
    [['--fleet', '--instance', 'kvm1'], '--instance is for hosts, and cannot be used with --fleet'],
    [['--prometheus', url, '--for', '1m'], '--for is for a host that is observed'],
    [['--prometheus', url, '--demo'], '--demo is for a host that is observed'],
    [['--prometheus', url, '--virsh'], '--virsh needs --fleet'],
    [['--prometheus', url, '--explain', 'nothing'], 'no kind of advice is called "nothing"'],
    [['--fleet', '--for', '1m'], '--for is for hosts, and cannot be used with --fleet'],
    [['--fleet', 'db01'], '--fleet advises on all VMs; name no domain'],
    [['--fleet'], '--fleet needs --prometheus URL'],
    [['--fleet', '--prometheus', url, '--json', '--virsh'], 'use --json or --virsh, not both'],
    [['--fleet', '--prometheus', 'prometheus:9090'], '--prometheus expects a URL'],
    [['--fleet', '--prometheus', url, '--range', '10m'], 'from 1h to 90d'],
    [['--fleet', '--prometheus', url, '--headroom', '100'], 'Expected a percentage from 0 to 90.'],
    [['--fleet', '--prometheus', url, '--headroom', ''], 'Expected a percentage from 0 to 90.'],
    [['--fleet', '--prometheus', url, '--cluster-label', 'a-b'], 'Expected the name of a label.'],
  ] as const) {
    const { code, stderr, stdout } = await advise(...args);
    expect(stderr).toContain(message);
    expect({ code, stdout }, message).toEqual({ code: 64, stdout: '' });
  }
});

test('a Prometheus that is not there is an error with its code', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  await new Promise((resolve) => other.close(resolve));
  const { code, stderr } = await advise('--fleet', '--prometheus', `http://127.0.0.1:${port}`);
  expect(code).toBe(69);
  expect(stderr).toMatch(/cannot be reached .*\[PROMETHEUS_UNREACHABLE\]\n$/);
});

const NOTHING = { leftOut: [], warnings: [], range: '7d' };

test('"nothing to do" is an answer', () => {
  const hosts = [hostOf('a', vmsOf('a', 1)), hostOf('b', vmsOf('b', 1))];
  expect(fleetText(planFleet({ hosts }, constraintsOf({})), NOTHING)).toMatchInlineSnapshot(`
    "2 hosts with 2 VMs in 1 cluster, by 7d of series.

    Nothing to do: all hosts are below the limits of contention and memory.

    Loss of a host:
      one: any of 2 hosts may fail; its VMs find room on the others."
  `);
});

test('a table has moves, hosts that need something else, what the loss of a host means, and what was left out', () => {
  const hosts = [
    hostOf('a', [...vmsOf('small', 3, 3, 3), vmOf('wide\u001b[2J', 10)]),
    hostOf('b', vmsOf('b', 1)),
    hostOf('c', [vmOf('fixed', 20, { stays: 'it has a disk on its host alone', isLocal: true })], {
      cluster: 'two',
    }),
    hostOf('d', [vmOf('large', 1, { maximumBytes: 250 * GIB })], { cluster: 'two' }),
  ];
  const leftOut = [{ cluster: 'one', instance: 'kvm9', reason: 'no series now: it is down, or was removed' }];
  const plan = planFleet({ hosts }, constraintsOf({ limits: { memory_overcommit: 0.9 } }));
  expect(
    fleetText(plan, { leftOut, warnings: ['store did not answer'], range: '7d' }),
  ).toMatchInlineSnapshot(`
    "4 hosts with 7 VMs in 2 clusters, by 7d of series.

    1 move, in this order; 4.0 GiB to copy, about 5s one after another:
       VM       from        to      memory   takes  why
    1  small-0  one/a:9177  b:9177  4.0 GiB  5s     CPU contention 15.8 % at 00:00 UTC -> 0.0 %

    Hosts that need something else:
      two/c:9177: CPU contention 20.0 % at 00:00 UTC, memory 3.1 %: none of its VMs can move: it has a disk on its host alone

    Loss of a host:
      one: the VMs of 2 of 2 hosts find no room on the others:
        a:9177: wide\\u{1b}[2J; the others lack CPUs
        b:9177: b-0; the others lack CPUs
      two: the VMs of 1 of 2 hosts find no room on the others:
        d:9177: large; the others lack memory to allocate

    Left out of the plan:
      one/kvm9: no series now: it is down, or was removed

    Prometheus warns: store did not answer"
  `);
});
