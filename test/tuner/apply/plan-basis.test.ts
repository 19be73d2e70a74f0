import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import {
  basisOf,
  movedSince,
  others,
  type PlanBasis,
  withOwnChanges,
} from '../../../tuner/apply/plan-basis.ts';
import type { DomainState, HostFacts } from '../../../tuner/facts/facts.ts';
import { view } from '../plan/fixtures.ts';
import { host, LOCAL, state } from '../profile/fixtures.ts';
import { uuidOf } from './fixtures.ts';

const xmlOf = (name: string, more = ''): string =>
  `<domain type='kvm'><name>${name}</name><uuid>${uuidOf(name)}</uuid>${more}</domain>`;
const FULL = `<metadata><t:tuned xmlns:t='https://virtune.dev/xmlns/tuner/1' profile='dense' version='v1' at='2026-01-01T00:00:00Z' id='T7'/></metadata>
  <memory unit='MiB'>1024</memory><vcpu cpuset='0-7' current='2'>4</vcpu><iothreads>2</iothreads>
  <memoryBacking><hugepages><page size='2' unit='MiB' nodeset='0'/><page size='1' unit='GiB'/></hugepages></memoryBacking>
  <cpu><numa><cell id='0' cpus='0-1' memory='512' unit='MiB'/><cell id='1' cpus='2-3' memory='512' unit='MiB'/></numa></cpu>
  <cputune><vcpupin vcpu='10' cpuset='5'/><vcpupin vcpu='1' cpuset='3'/><vcpupin vcpu='0' cpuset='2'/><emulatorpin cpuset='4'/><iothreadpin iothread='1' cpuset='6'/></cputune>
  <numatune><memory mode='strict' nodeset='0-1'/><memnode cellid='1' mode='strict' nodeset='1'/></numatune>`;

const factsOf = (of: DomainState): Readonly<Record<string, string>> | undefined =>
  basisOf(host(), [of]).domains[of.domain.uuid]?.facts;

test('the claims of a domain on the host include all that a placement depends on', () => {
  expect(factsOf(state(xmlOf('a', FULL)))).toEqual({
    vCPUs: '2 of 4',
    'vCPU set': '0-7',
    'vCPU pins': '0:2 1:3 10:5',
    'emulator pin': '4',
    'iothread pins': '1:6',
    'guest cells': '2',
    memory: '1048576 KiB',
    hugepages: '2048 for 0 1048576 for none',
    'NUMA memory': 'strict 0-1 1:1',
    mark: 'dense v1 of T7',
  });
});

test('what a domain does not set is none, and what libvirt does not report is unknown', () => {
  expect(factsOf(state(xmlOf('a')))).toEqual({
    vCPUs: '? of ?',
    'vCPU set': 'none',
    'vCPU pins': 'none',
    'emulator pin': 'none',
    'iothread pins': 'none',
    'guest cells': '0',
    memory: '? KiB',
    hugepages: 'none',
    'NUMA memory': 'none none none',
    mark: 'none',
  });
  expect(factsOf(state(xmlOf('a', '<memoryBacking><hugepages/></memoryBacking>')))?.['hugepages']).toBe(
    'default for none',
  );
});

test('the running and the next definition both have claims; equal claims are listed once', () => {
  const pinned = (cpu: number): string =>
    xmlOf('a', `<vcpu>1</vcpu><cputune><vcpupin vcpu='0' cpuset='${cpu}'/></cputune>`);
  const both = state(pinned(3), { live: view(pinned(2)) });
  expect(factsOf(both)).toMatchObject({ vCPUs: '1 of 1', 'vCPU pins': '0:2, next boot 0:3' });
  expect(factsOf({ ...both, live: undefined })).toMatchObject({ 'vCPU pins': '0:3' });
  expect(factsOf({ ...both, inactive: undefined })).toMatchObject({ 'vCPU pins': '0:2' });
});

/** A host whose control groups let VMs use these CPUs, and memory of these cells. */
const localHost = (more: Partial<HostFacts['local']>): HostFacts => host({ local: { ...LOCAL, ...more } });

test('of the host, CPUs, cells and pools of huge pages count, and free memory does not', () => {
  const { host: facts } = basisOf(host(), []);
  expect(facts).toEqual({
    'online CPUs': '0-31',
    'isolated CPUs': 'none',
    'CPU topology': expect.stringMatching(/^[0-9a-f]{16}$/),
    'pages of 2048 KiB in cell 0': '8192 free of 8192',
    'pages of 1048576 KiB in cell 0': '32 free of 32',
    'pages of 2048 KiB in cell 1': '8192 free of 8192',
    'pages of 1048576 KiB in cell 1': '32 free of 32',
  });
  const local = localHost({
    vmCpus: CpuSet.parse('2-31'),
    vmMemoryCells: CpuSet.parse('0'),
    isolatedCpus: CpuSet.parse('8-15'),
  });
  expect(basisOf(local, []).host).toEqual({
    ...facts,
    'CPUs available to VMs': '2-31',
    'cells with memory available to VMs': '0',
    'isolated CPUs': '8-15',
  });
});

test('a different layout of CPUs is a different topology, and a different size of memory or of pools is not', () => {
  const topologyOf = (of: HostFacts): string | undefined => basisOf(of, []).host['CPU topology'];
  const of = host();
  const changed = (change: (cell: HostFacts['topology']['cells'][number]) => object): HostFacts => ({
    ...of,
    topology: {
      ...of.topology,
      cells: of.topology.cells.map((cell) => ({ ...cell, ...change(cell) })),
    },
  });
  const usual = topologyOf(of);
  expect(topologyOf(changed(() => ({ memoryKiB: 1, pages: [] })))).toBe(usual);
  expect(topologyOf(changed(({ cpus }) => ({ cpus: cpus.slice(1) })))).not.toBe(usual);
  expect(topologyOf(changed(({ id }) => ({ id: id + 1 })))).not.toBe(usual);
  expect(topologyOf(changed(() => ({ distances: new Map([[0, 99]]) })))).not.toBe(usual);
  const alone = changed(({ cpus }) => ({
    cpus: cpus.map((cpu) => ({ ...cpu, siblings: CpuSet.of([cpu.id]) })),
  }));
  expect(topologyOf(alone)).not.toBe(usual);
});

/** A VM that is off, in this partition; undefined: in none. */
const inPartition = (name: string, partition?: string): DomainState =>
  state(
    xmlOf(name, partition === undefined ? '' : `<resource><partition>${partition}</partition></resource>`),
  );
const partitionsOf = (of: HostFacts, ...domains: readonly DomainState[]): [string, string][] =>
  Object.entries(basisOf(of, domains).host).filter(([what]) => what.startsWith('partition'));

test('a partition with other CPUs or cells than the rest is listed once', () => {
  const set = (cpus: string, cells: string) => ({
    cpus: CpuSet.parse(cpus),
    memoryCells: CpuSet.parse(cells),
  });
  const of = localHost({
    vmCpus: CpuSet.parse('0-31'),
    vmMemoryCells: CpuSet.parse('0-1'),
    cpusets: new Map([
      ['', set('0-31', '0-1')],
      ['machine.slice', set('0-31', '0-1')],
      ['web.slice', set('16-31', '0-1')],
      ['db.slice', set('0-31', '1')],
    ]),
  });
  const domains = [
    inPartition('a', '/web'),
    inPartition('b', '/db'),
    inPartition('c', '/web'),
    inPartition('d'),
  ];
  expect(partitionsOf(of, ...domains)).toEqual([
    ['partition /db', 'CPUs 0-31, memory of cells 1'],
    ['partition /web', 'CPUs 16-31, memory of cells 0-1'],
  ]);
  expect(partitionsOf(of, inPartition('a', '/machine'), inPartition('d'))).toEqual([]);
  const runs = inPartition('a', '/web');
  expect(partitionsOf(of, { ...inPartition('a'), live: runs.inactive })).toHaveLength(1);
});

test('a partition without separate limits equals the host; one of which less or more is known does not', () => {
  const only = (cpus: string | undefined, memoryCells: string | undefined): HostFacts =>
    localHost({
      cpusets: new Map([
        [
          'web.slice',
          {
            cpus: cpus === undefined ? undefined : CpuSet.parse(cpus),
            memoryCells: memoryCells === undefined ? undefined : CpuSet.parse(memoryCells),
          },
        ],
      ]),
    });
  expect(partitionsOf(only(undefined, undefined), inPartition('a', '/web'))).toEqual([]);
  expect(partitionsOf(localHost({}), inPartition('a', '/web'))).toEqual([]);
  expect(partitionsOf(only('4-7', undefined), inPartition('a', '/web'))).toEqual([
    ['partition /web', 'CPUs 4-7, memory of cells all'],
  ]);
  const everywhere = localHost({ vmMemoryCells: CpuSet.parse('0'), cpusets: new Map() });
  expect(partitionsOf(everywhere, inPartition('a', '/web'))).toEqual([
    ['partition /web', 'CPUs all, memory of cells all'],
  ]);
});

const basis = (domains: PlanBasis['domains'], facts: PlanBasis['host'] = {}): PlanBasis => ({
  host: facts,
  domains,
});

test('changes are listed fact by fact, with what was added and removed', () => {
  const before = basis(
    { 1: { name: 'a', facts: { pins: '2', mark: 'x' } }, 2: { name: 'b', facts: {} } },
    { CPUs: '0-3', cells: '0' },
  );
  const now = basis(
    { 3: { name: 'c', facts: {} }, 1: { name: 'a2', facts: { pins: '3', mark: 'x', set: '1' } } },
    { CPUs: '0-3', pools: '4' },
  );
  expect(movedSince(before, now)).toEqual([
    'the host: cells had 0, now none',
    'the host: pools had none, now 4',
    'domain "a2": pins had 2, now 3',
    'domain "a2": set had none, now 1',
    'domain "b" no longer exists',
    'domain "c" is new',
  ]);
  expect(movedSince(before, before)).toEqual([]);
});

test('the changes of a run are those of its existing domains and of pools, and not what else the host has become', () => {
  const [cpus, pool, topology] = ['online CPUs', 'pages of 2048 KiB in cell 0', 'CPU topology'];
  const before = basis(
    { 1: { name: 'a', facts: { pins: '2' } }, 2: { name: 'b', facts: { pins: '4' } } },
    { [cpus]: '0-3', [pool]: '4 free of 4', 'pages of 4096 KiB in cell 0': '1 free of 1', [topology]: 'x' },
  );
  const now = basis(
    { 1: { name: 'a', facts: { pins: '3' } }, 2: { name: 'b', facts: { pins: '5' } } },
    { [cpus]: '0-2', [pool]: '2 free of 4', 'pages of 2048 KiB in cell 1': '3 free of 3', [topology]: 'x' },
  );
  const own = withOwnChanges(before, now, ['1', '9']);
  expect(own).toEqual(
    basis(
      { 1: { name: 'a', facts: { pins: '3' } }, 2: { name: 'b', facts: { pins: '4' } } },
      { [cpus]: '0-3', [pool]: '2 free of 4', 'pages of 2048 KiB in cell 1': '3 free of 3', [topology]: 'x' },
    ),
  );
  expect(movedSince(own, now)).toEqual([
    'the host: online CPUs had 0-3, now 0-2',
    'domain "b": pins had 4, now 5',
  ]);
});

test('others are the domains outside the run, without the host', () => {
  const all = basis({ 1: { name: 'a', facts: {} }, 2: { name: 'b', facts: {} } }, { pools: '1' });
  expect(others(all, ['1'])).toEqual(basis({ 2: { name: 'b', facts: {} } }));
});
