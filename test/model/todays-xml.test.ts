import { expect, test } from 'vitest';
import { catalogue } from '../../model/catalogue/catalogue.ts';
import { type DomainFacts, parseDomain } from '../../model/domain/domain.ts';
import { pageDemandsOf } from '../../model/page-demand.ts';

/** A guest with two cells and memory devices of every model in libvirt 12.9's schema (domaincommon.rng, memorydev). */
const DEVICES = `
  <domain type='kvm'><name>big</name><memory unit='GiB'>39</memory><maxMemory slots='16' unit='GiB'>256</maxMemory>
    <vcpu>4</vcpu>
    <cpu><numa><cell id='0' cpus='0-1' memory='4' unit='GiB'/><cell id='1' cpus='2-3' memory='4' unit='GiB'/></numa></cpu>
    <numatune><memory mode='strict' nodeset='0-1'/><memnode cellid='1' mode='strict' nodeset='1'/></numatune>
    <memoryBacking><hugepages><page size='2' unit='MiB' nodeset='0'/><page size='1' unit='GiB' nodeset='1'/></hugepages></memoryBacking>
    <devices>
      <memory model='dimm'><target><size unit='GiB'>2</size><node>0</node></target></memory>
      <memory model='dimm' access='private'><source><pagesize unit='MiB'>2</pagesize><nodemask>1</nodemask></source>
        <target><size unit='GiB'>1</size><node>0</node></target></memory>
      <memory model='dimm'><source><pagesize unit='KiB'>4</pagesize></source>
        <target><size unit='GiB'>1</size><node>1</node></target></memory>
      <memory model='virtio-mem'><target><size unit='GiB'>16</size><node>1</node><block unit='MiB'>2</block>
        <requested unit='GiB'>3</requested><current unit='GiB'>2</current></target></memory>
      <memory model='nvdimm'><source><path>/pmem/a</path></source><target><size unit='GiB'>8</size><node>1</node>
        <label><size unit='KiB'>128</size></label></target></memory>
      <memory model='virtio-pmem'><source><path>/pmem/b</path></source><target><size unit='GiB'>2</size></target></memory>
      <memory model='sgx-epc'><source><nodemask>0</nodemask></source><target><size unit='GiB'>1</size><node>0</node></target></memory>
    </devices></domain>`;

const points = (name: string, facts: DomainFacts): Record<string, number> => {
  const metric = catalogue.find((each) => each.name === name);
  if (metric?.per !== 'facts' || !('points' in metric)) throw new Error(`no such metric: ${name}`);
  return Object.fromEntries([...metric.points(facts)].map(([labels, value]) => [labels.join(' '), value]));
};

test('hugepages that memory devices take at the start are counted, where the device or its guest cell is bound', () => {
  const demands = pageDemandsOf(parseDomain(DEVICES));
  expect(
    demands.map(({ sizeKiB, pages, cells }) => `${pages} x ${sizeKiB} KiB from ${cells}`).sort(),
  ).toEqual(
    [
      // Cell 1 itself, and the requested size of virtio-mem, not its maximum.
      '7 x 1048576 KiB from 1',
      // Cell 0 itself and its DIMM of 2 GiB.
      '3072 x 2048 KiB from 0-1',
      // The DIMM with a nodemask.
      '512 x 2048 KiB from 1',
    ].sort(),
  );
});

test('without hugepages for its guest cell a memory device asks for no pool, unless it names a size', () => {
  const xml = (page: string): string =>
    `<domain><memory unit='GiB'>3</memory><cpu><numa><cell id='0' cpus='0' memory='2' unit='GiB'/></numa></cpu><devices>
     <memory model='dimm'><source>${page}</source><target><size unit='GiB'>1</size><node>0</node></target></memory></devices></domain>`;
  expect(pageDemandsOf(parseDomain(xml('')))).toEqual([]);
  expect(pageDemandsOf(parseDomain(xml("<pagesize unit='GiB'>1</pagesize>")))).toEqual([
    { sizeKiB: 1_048_576, pages: 1, cells: undefined },
  ]);
});

test('memory devices are exported by model and guest cell', () => {
  const gib = 1_024 ** 3;
  expect(points('libvirt_domain_memory_device_bytes', parseDomain(DEVICES))).toEqual({
    'dimm 0 size': 3 * gib,
    'dimm 1 size': gib,
    'virtio-mem 1 size': 16 * gib,
    'virtio-mem 1 requested': 3 * gib,
    'virtio-mem 1 plugged': 2 * gib,
    'nvdimm 1 size': 8 * gib,
    'virtio-pmem  size': 2 * gib,
    'sgx-epc 0 size': gib,
  });
});

test.each([
  ["<launchSecurity type='sev'><policy>0x0003</policy></launchSecurity>", { launchSecurity: 'sev' }],
  ["<launchSecurity type='sev-snp'><policy>0x30000</policy></launchSecurity>", { launchSecurity: 'sev-snp' }],
  ["<launchSecurity type='tdx'/>", { launchSecurity: 'tdx' }],
  ["<launchSecurity type='s390-pv'/>", { launchSecurity: 's390-pv' }],
  ["<devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices>", { tpm: '2.0' }],
  ["<devices><tpm><backend type='emulator'/></tpm></devices>", { tpm: 'emulator' }],
  [
    "<devices><tpm><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm></devices>",
    { tpm: 'passthrough' },
  ],
  ["<devices><tpm model='tpm-crb'><backend type='external'/></tpm></devices>", { tpm: 'external' }],
  [
    "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>",
    { memorySource: 'memfd', memoryAccess: 'shared' },
  ],
  [
    "<cpu><numa><cell memAccess='private'/><cell memAccess='shared'/></numa></cpu>",
    { memoryAccess: 'shared' },
  ],
  ["<cpu><numa><cell memAccess='private'/><cell/></numa></cpu>", { memoryAccess: 'private' }],
  [
    "<memoryBacking><access mode='shared'/></memoryBacking><cpu><numa><cell memAccess='private'/></numa></cpu>",
    { memoryAccess: 'private' },
  ],
  ["<features><kvm><dirty-ring state='on' size='4096'/></kvm></features>", { dirtyRingSize: 4_096 }],
  ["<features><kvm><dirty-ring state='off' size='4096'/></kvm></features>", {}],
  ['', {}],
])('%s is read', (xml, expected) => {
  const { features } = parseDomain(`<domain type='kvm'>${xml}</domain>`);
  expect(
    Object.fromEntries(Object.entries(features ?? {}).filter(([, value]) => value !== undefined)),
  ).toEqual(expected);
});

test('sizes in no unit of libvirt, or too large to be held, and unknown models are not taken for figures', () => {
  const device = (model: string, size: string): string =>
    `<memory model='${model}'><target>${size}</target></memory>`;
  const facts = parseDomain(
    `<domain><devices>${[
      device('dimm', "<size unit='constructor'>4</size>"),
      device('dimm', `<size>${'9'.repeat(400)}</size>`),
      device('virtio-mem', '<size>8</size><requested>0</requested>'),
      device('made-up', '<size>8</size>'),
    ].join('')}</devices><launchSecurity type='${'x'.repeat(1_000)}'/></domain>`,
  );
  expect(points('libvirt_domain_memory_device_bytes', facts)).toEqual({
    'virtio-mem  size': 8_192,
    'virtio-mem  requested': 0,
    'unknown  size': 8_192,
  });
  expect(facts.features?.launchSecurity).toBe('unknown');
});

test('a page of 64 KiB is a base page somewhere, and one of 128 KiB comes from a pool', () => {
  const demands = (pageKiB: number): number =>
    pageDemandsOf(
      parseDomain(
        `<domain><devices><memory model='dimm'><source><pagesize>${pageKiB}</pagesize></source>
         <target><size>256</size></target></memory></devices></domain>`,
      ),
    ).length;
  expect([demands(64), demands(128)]).toEqual([0, 1]);
});

test('devices without a guest cell belong to the first; virtio-mem without a request takes nothing', () => {
  const facts = parseDomain(
    `<domain><cpu><numa><cell id='0' cpus='0' memory='2' unit='GiB'/></numa></cpu>
     <numatune><memory mode='restrictive' nodeset='1'/></numatune>
     <memoryBacking><hugepages><page size='2' unit='MiB' nodeset='0'/></hugepages></memoryBacking><devices>
     <memory model='dimm'><target><size unit='MiB'>4</size></target></memory>
     <memory model='virtio-mem'><target><size unit='MiB'>4</size></target></memory></devices></domain>`,
  );
  expect(pageDemandsOf(facts).map(({ pages, cells }) => `${pages} from ${cells}`)).toEqual(['1026 from 1']);
});
