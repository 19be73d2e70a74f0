import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Element, parseXml } from '../../../model/xml.ts';
import { settings } from '../../../tuner/settings/all.ts';
import { targetsOf } from '../../../tuner/settings/targets.ts';

/** Defined by hand, with various units, orders and spellings, and printed by libvirt 9.0. */
const TUNED = readFileSync(join(import.meta.dirname, '../../fixtures/domain-tuned-inactive.xml'), 'utf8');

const SAID: readonly (readonly [setting: string, target: string, value: string])[] = [
  ['vcpu.cpuset', '', '0-1'],
  ['iothreads', '', '1-3,7'],
  ['iothread.pool', '7', '0-8'],
  ['numatune.mode', '', 'strict'],
  ['numatune.nodeset', '', '0'],
  ['numa.cells', '', '0-1 128 MiB, 2-3 128 MiB'],
  ['memnode', '1', 'preferred 0'],
  ['vcpupin', '0', '0-1'],
  ['emulatorpin', '', '0'],
  ['iothreadpin', '7', '1'],
  ['shares', '', '512'],
  ['vcpu.period', '', '100000'],
  ['vcpusched', '0', 'fifo 1'],
  ['vcpusched', '1', 'batch'],
  ['vcpusched', '2', 'batch'],
  ['emulatorsched', '', 'idle'],
  ['iothreadsched', '7', 'rr 2'],
  ['cpu.mode', '', 'custom qemu64'],
  ['cpu.topology', '', 'sockets=1 dies=1 cores=4 threads=1'],
  ['cpu.feature.tsc-deadline', '', 'require'],
  ['pmu', '', 'off'],
  ['kvm.hint-dedicated', '', 'on'],
  ['kvm.poll-control', '', 'on'],
  ['hyperv.relaxed', '', 'on'],
  ['hyperv.spinlocks', '', '8191'],
  ['hyperv.vpindex', '', 'on'],
  ['hyperv.synic', '', 'on'],
  ['hyperv.stimer', '', 'on'],
  ['hyperv.stimer.direct', '', 'on'],
  ['timer.hpet', '', 'no'],
  ['timer.rtc', '', 'catchup'],
  ['timer.pit', '', 'delay'],
  ['hugepages', '', '2 MiB on 0, 1 GiB on 1'],
  ['locked', '', 'yes'],
  ['nosharepages', '', 'yes'],
  ['memory.current', '', '256 MiB'],
  ['memtune.hardLimit', '', '1 GiB'],
  ['memtune.softLimit', '', '128 MiB'],
  ['balloon.model', '', 'virtio'],
  ['balloon.freePageReporting', '', 'on'],
  ['balloon.autodeflate', '', 'on'],
  ['balloon.statsPeriod', '', '5'],
  ['disk.bus', 'vda', 'virtio'],
  ['disk.bus', 'vdb', 'virtio'],
  ['disk.cache', 'vdb', 'none'],
  ['disk.io', 'vdb', 'native'],
  ['disk.discard', 'vdb', 'unmap'],
  ['disk.detectZeroes', 'vdb', 'unmap'],
  ['disk.queues', 'vdb', '2'],
  ['disk.queueSize', 'vdb', '256'],
  ['disk.iothread', 'vdb', '7'],
  ['disk.iotune.totalBytesSec', 'vda', '1000000'],
  ['disk.iotune.totalBytesSecMax', 'vda', '2000000'],
  ['disk.iotune.totalBytesSecMaxLength', 'vda', '10'],
  ['disk.iotune.group', 'vda', 'g'],
  ['blkio.weight', '', '500'],
  ['nic.model', '52:54:00:aa:bb:cc', 'virtio'],
  ['nic.queues', '52:54:00:aa:bb:cc', '2'],
  ['nic.rxQueueSize', '52:54:00:aa:bb:cc', '512'],
  ['nic.bandwidth.inbound', '52:54:00:aa:bb:cc', 'average=1000 peak=2000 burst=100'],
];

function readings(domain: Element): [string, string, string][] {
  return settings.flatMap((setting) =>
    targetsOf(domain, setting.on).flatMap((target): [string, string, string][] => {
      const value = setting.read(domain, target);
      return value === undefined ? [] : [[setting.id, target, value]];
    }),
  );
}

test('a definition of libvirt 9.0 says what was put into it', () => {
  expect(readings(parseXml('the fixture', TUNED, 'domain'))).toEqual(SAID);
});

test.each([
  ["<vcpupin vcpu='0' cpuset='0-1'/>", "<vcpupin vcpu='0' cpuset='1,0'/>"],
  ["<emulatorpin cpuset='0'/>", "<emulatorpin cpuset='0-1,^1'/>"],
  [
    "<vcpusched vcpus='1' scheduler='batch'/>\n    <vcpusched vcpus='2' scheduler='batch'/>",
    "<vcpusched vcpus='1-2' scheduler='batch'/>",
  ],
  ["<hard_limit unit='KiB'>1048576</hard_limit>", "<hard_limit unit='G'>1</hard_limit>"],
  ["<hard_limit unit='KiB'>1048576</hard_limit>", '<hard_limit>1048576</hard_limit>'],
  ["<page size='2048' unit='KiB' nodeset='0'/>", "<page size='2' unit='M' nodeset='0'/>"],
  ["<topology sockets='1' dies='1' cores='4' threads='1'/>", "<topology sockets='1' cores='4' threads='1'/>"],
  ["<cell id='0' cpus='0-1' memory='131072' unit='KiB'/>", "<cell cpus='0,1' memory='128' unit='MiB'/>"],
  ["<hyperv mode='custom'>", '<hyperv>'],
  ['<quota>-1</quota>', ''],
  ["<iothread id='1'/>\n    <iothread id='2'/>\n    <iothread id='3'/>\n", ''],
  ["<memory mode='strict' nodeset='0'/>", "<memory nodeset='0' placement='static'/>"],
  ["<currentMemory unit='KiB'>262144</currentMemory>", ''],
])('%j and %j read the same', (said, otherwise) => {
  expect(TUNED).toContain(said);
  const rewritten = TUNED.replace(said, otherwise);
  expect(readings(parseXml('the fixture', rewritten, 'domain'))).toEqual(SAID);
});

test('a minimal domain reads as only what every domain has', () => {
  const bare = parseXml(
    'bare',
    "<domain><memory>1024</memory><vcpu placement='static'>1</vcpu></domain>",
    'domain',
  );
  expect(readings(bare)).toEqual([['memory.current', '', '1 MiB']]);
});

test('nonsense in a definition is read without a fault, and as no number that it is not', () => {
  const xml = `<domain><vcpu cpuset='x'>99999999999</vcpu><iothreads>-1</iothreads>
    <cputune><vcpupin vcpu='0' cpuset='9-1'/><vcpusched vcpus='?' scheduler='fifo'/></cputune>
    <cpu><numa><cell/><cell id='99999' memory='1e9'/></numa><topology cores='0x4'/></cpu>
    <memoryBacking><hugepages><page/></hugepages></memoryBacking><devices><disk/><interface/></devices></domain>`;
  expect(() => readings(parseXml('nonsense', xml, 'domain'))).not.toThrow();
});
