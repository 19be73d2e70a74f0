import { expect, test } from 'vitest';
import { parseXml } from '../../../model/xml.ts';
import { findKnob } from '../../../tuner/profile/knobs/all.ts';
import { findSetting } from '../../../tuner/settings/all.ts';
import { guestXml, host, profileOf, state } from './fixtures.ts';
import { problemsOf, valuesOf, wishesOf, written } from './wishes.ts';

const NEW = host({ libvirtVersion: 12_009_000, qemuVersion: 11_001_000 });
const VALUES = { 'disk.statisticsIntervals': [1, 60], 'disk.latencyBins': [100_000, 1_000_000] };
const guest = (driver = '', bus = 'virtio') =>
  state(guestXml({ disks: 0, bus }).replace(/<driver[^>]*\/>/, (whole) => driver || whole));
test('windows and bins of a disk become statistics of its driver, and are what its definition then says', () => {
  const wishes = wishesOf(profileOf(VALUES), guest(), NEW);
  expect(valuesOf(wishes)).toMatchObject({
    'disk.statisticsIntervals vda': '1, 60',
    'disk.latencyBins vda': '100000, 1000000',
  });
  const xml = written(guest(), wishes);
  expect(xml.replaceAll(/\s+/g, ' ')).toContain(
    '<statistics> <statistic interval="1"/> <statistic interval="60"/> <latency-histogram> <bin start="0"/> <bin start="100000"/> <bin start="1000000"/> </latency-histogram> </statistics>',
  );
  // Nothing is left to change.
  const again = wishesOf(profileOf(VALUES), state(xml), NEW);
  const domain = parseXml('the definition', xml, 'domain');
  for (const { setting, target, value } of again) expect(setting.read(domain, target)).toBe(value);
});

test.each([
  ['libvirt 9.0', 9_000_000, 7_002_000, 'LIBVIRT_TOO_OLD', 'LIBVIRT_TOO_OLD'],
  ['libvirt 11.10 with QEMU 10.1', 11_010_000, 10_001_000, 'QEMU_TOO_OLD', 'LIBVIRT_TOO_OLD'],
  ['libvirt 11.10 with QEMU 10.2', 11_010_000, 10_002_000, undefined, 'LIBVIRT_TOO_OLD'],
  ['libvirt 12.1 with QEMU 10.1', 12_001_000, 10_001_000, 'QEMU_TOO_OLD', undefined],
  ['libvirt 12.1 with QEMU 10.2', 12_001_000, 10_002_000, undefined, undefined],
])('%s: what it cannot measure is a problem of the plan', (_, libvirtVersion, qemuVersion, windows, bins) => {
  const problems = problemsOf(wishesOf(profileOf(VALUES), guest(), host({ libvirtVersion, qemuVersion })));
  expect(problems['disk.statisticsIntervals vda']).toBe(windows);
  expect(problems['disk.latencyBins vda']).toBe(bins);
});

test('disks on a bus that is not measured, and disks of another process, are problems of the plan', () => {
  const problems = (of: ReturnType<typeof guest>) =>
    Object.values(problemsOf(wishesOf(profileOf(VALUES), of, NEW)));
  expect(problems(guest('', 'nvme'))).toEqual(['BUS_NOT_MEASURED', 'BUS_NOT_MEASURED']);
  for (const bus of ['sata', 'scsi', 'usb', 'ide']) expect(problems(guest('', bus))).toEqual([]);
  const elsewhere = state(
    guestXml({ disks: 0 }).replace("type='file' device='disk'", "type='vhostuser' device='disk'"),
  );
  expect(problems(elsewhere)).toEqual(['DISK_ELSEWHERE', 'DISK_ELSEWHERE']);
});

const DRIVER = `<driver name='qemu' type='raw'>
        <statistics>
          <statistic interval='60'/>
          <statistic interval='1'/>
          <statistic interval='60'/>
          <latency-histogram>
            <bin start='0'/>
            <bin start='7'/>
          </latency-histogram>
          <latency-histogram type='read'>
            <bin start='0'/>
            <bin start='5'/>
          </latency-histogram>
        </statistics>
      </driver>`;

test('the order of windows does not matter, and bins of one operation stay unchanged', () => {
  const said = guest(DRIVER);
  const domain = parseXml('the definition', said.inactive?.xml ?? '', 'domain');
  const [intervals, bins] = ['disk.statisticsIntervals', 'disk.latencyBins'].map(findSetting);
  expect([intervals?.read(domain, 'vda'), bins?.read(domain, 'vda')]).toEqual(['1, 60', '7']);
  const off = profileOf({ 'disk.statisticsIntervals': 'default', 'disk.latencyBins': 'default' });
  const xml = written(said, wishesOf(off, said, NEW));
  expect(/<driver[\s\S]*?<\/driver>/.exec(xml)?.[0].replaceAll(/\s+/g, ' ')).toBe(
    '<driver name="qemu" type="raw"> <statistics> <latency-histogram type="read"> <bin start="0"/> <bin start="5"/> </latency-histogram> </statistics> </driver>',
  );
});

test('a list rises and has no more items than it may', () => {
  const check = (value: unknown) => () => findKnob('disk.statisticsIntervals')?.check(value);
  for (const value of [5, [5], [1, 86_400], [1, 2, 3, 4, 5, 6, 7, 8], 'default'])
    expect(check(value)).not.toThrow();
  for (const value of [0, [], [60, 1], [1, 1], [1.5], ['1'], [86_401], [1, 2, 3, 4, 5, 6, 7, 8, 9], '1, 60'])
    expect(check(value)).toThrow(/is not a whole number from 1 to 86400/);
});
