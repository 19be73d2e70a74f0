import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { onlineCpus, parseCapabilities } from '../../model/topology.ts';
import { capabilitiesXml } from '../../simulator/capabilities.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';

const wrap = (cells: string, cache = ''): string =>
  `<capabilities><host><topology><cells>${cells}</cells></topology>${cache}</host></capabilities>`;

test('a real host is read: one cell, its CPUs, its page pools', () => {
  const topology = parseCapabilities(
    readFileSync(join(import.meta.dirname, '../fixtures/capabilities-lab.xml'), 'utf8'),
  );
  expect(topology.arch).toBe('x86_64');
  expect(topology.cells).toHaveLength(1);
  expect(topology.cells[0]?.pages.map((pool) => pool.sizeKiB)).toContain(2_048);
  expect(onlineCpus(topology).toString()).toBe('0-1');
});

test('two sockets of eight cores with two threads: siblings, distances, caches', () => {
  const topology = parseCapabilities(capabilitiesXml(new SimulatedHost(findScenario('calm'))));
  expect(topology.cells.map((cell) => cell.cpus.length)).toEqual([16, 16]);
  expect(topology.cells[1]?.cpus[0]).toMatchObject({ id: 8, socketId: 1, coreId: 0 });
  expect(topology.cells[1]?.cpus[0]?.siblings.toString()).toBe('8,24');
  expect(topology.cells[0]?.distances).toEqual(
    new Map([
      [0, 10],
      [1, 21],
    ]),
  );
  expect(topology.caches.map((bank) => [bank.level, bank.cpus.toString()])).toEqual([
    [3, '0-7,16-23'],
    [3, '8-15,24-31'],
  ]);
});

test('a CPU that is offline has a number and no place, and does not count as online', () => {
  const topology = parseCapabilities(
    wrap(
      "<cell id='0'><cpus num='2'><cpu id='0' socket_id='0' core_id='0' siblings='0'/><cpu id='1'/></cpus></cell>",
    ),
  );
  expect(topology.cells[0]?.cpus[1]).toMatchObject({ id: 1, socketId: undefined, coreId: undefined });
  expect(onlineCpus(topology).toString()).toBe('0');
});

test('several last-level caches in a socket are distinguished, and an old libvirt reports none', () => {
  const banks =
    "<cache><bank id='0' level='3' size='32' unit='MiB' cpus='0-7'/><bank id='1' level='3' size='32768' unit='KiB' cpus='8-15'/></cache>";
  expect(parseCapabilities(wrap('', banks)).caches.map((bank) => bank.sizeKiB)).toEqual([32_768, 32_768]);
  expect(parseCapabilities(wrap('')).caches).toEqual([]);
});

test("what resctrl can allocate of caches and memory bandwidth is read from libvirt's capabilities", () => {
  const xml = `<cache>
      <bank id='0' level='3' type='both' size='15360' unit='KiB' cpus='0-5'>
        <control granularity='768' min='1536' unit='KiB' type='both' maxAllocs='4'/>
      </bank>
      <bank id='1' level='3' type='both' size='15360' unit='KiB' cpus='6-11'>
        <control granularity='768' unit='KiB' type='code' maxAllocs='8'/>
        <control granularity='768' unit='KiB' type='data' maxAllocs='8'/>
      </bank>
    </cache>
    <memory_bandwidth>
      <node id='0' cpus='0-5'><control granularity='10' min='20' maxAllocs='4'/></node>
      <node id='1' cpus='6-11'><monitor maxMonitors='2'/></node>
    </memory_bandwidth>`;
  const topology = parseCapabilities(wrap('', xml));
  expect(topology.caches.map(({ controls }) => controls)).toEqual([
    [{ type: 'both', granularityKiB: 768, leastKiB: 1_536 }],
    [
      { type: 'code', granularityKiB: 768, leastKiB: 768 },
      { type: 'data', granularityKiB: 768, leastKiB: 768 },
    ],
  ]);
  expect(topology.memoryBandwidth).toEqual([{ id: 0, granularity: 10, least: 20 }]);
});
