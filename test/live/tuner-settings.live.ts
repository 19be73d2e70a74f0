import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { XMLSerializer } from '@xmldom/xmldom';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import {
  type HostVersions,
  isSince,
  LIBVIRT_FEATURES,
  type LibvirtFeature,
} from '../../model/libvirt-features.ts';
import { type Element, parseXml } from '../../model/xml.ts';
import type { DomainState, HostFacts } from '../../tuner/facts/facts.ts';
import { readDomains } from '../../tuner/facts/read-domains.ts';
import { readHost } from '../../tuner/facts/read-host.ts';
import type { Assignment } from '../../tuner/placement/types.ts';
import { ProfileLibrary } from '../../tuner/profile/library.ts';
import { placementRequest } from '../../tuner/profile/placement-request.ts';
import { resolve } from '../../tuner/profile/resolve.ts';
import { settings } from '../../tuner/settings/all.ts';
import type { Wish } from '../../tuner/settings/setting.ts';
import { versionsOf } from '../contract/expected.ts';
import { BOOTED } from './lab/guests.ts';
import { canBoot } from './lab/initramfs.ts';
import { LAB_DIR, PREFIX } from './lab/paths.ts';
import { virsh } from './lab/virsh.ts';

const NIC = '52:54:00:ab:cd:01';
const disk = (dev: string, bus: string, driver = ''): string => `<disk type='file' device='disk'>
      <driver name='qemu' type='raw'${driver}/><source file='${LAB_DIR}/tuner-${dev}.img'/><target dev='${dev}' bus='${bus}'/></disk>`;

interface Parts {
  readonly name: string;
  readonly machine?: string;
  readonly vcpus?: number;
  readonly memory?: string;
  readonly cpu?: string;
  readonly more?: string;
  readonly devices: string;
}

const guestXml = ({
  name,
  machine = 'q35',
  vcpus = 4,
  memory = "<memory unit='MiB'>256</memory>",
  cpu = '<model>qemu64</model>',
  more = '',
  devices,
}: Parts): string => `<domain type='qemu'>
  <name>${PREFIX}${name}</name>${memory}<vcpu>${vcpus}</vcpu>${more}
  <os><type arch='x86_64' machine='${machine}'>hvm</type></os><features><acpi/></features>
  <cpu mode='custom' match='exact'>${cpu}</cpu>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>${devices}</devices>
</domain>`;

/** A guest to which every setting applies: two cells, iothreads, a virtio disk and a virtio NIC. */
const RICH = guestXml({
  name: 'tuner-rich',
  cpu: "<model>qemu64</model><numa><cell cpus='0-1' memory='131072'/><cell cpus='2-3' memory='131072'/></numa>",
  more: '<iothreads>2</iothreads>',
  devices: `${disk('vda', 'virtio')}<controller type='scsi' model='virtio-scsi'/><interface type='network'><mac address='${NIC}'/><source network='default'/><model type='virtio'/></interface><memballoon model='virtio'/>`,
});

/** Guests with realistic definitions. */
const GUESTS: readonly string[] = [
  RICH,
  guestXml({
    name: 'tuner-sata',
    vcpus: 2,
    devices: `${disk('sda', 'sata')}${disk('hdb', 'ide')}<interface type='network'><mac address='52:54:00:ab:cd:02'/><source network='default'/><model type='e1000e'/></interface>`,
  }).replace(/<disk[^>]*>\s*<driver[^>]*><source[^>]*hdb.*?<\/disk>/s, ''),
  guestXml({
    name: 'tuner-many-disks',
    machine: 'pc',
    vcpus: 2,
    more: "<iothreads>3</iothreads><cputune><shares>300</shares></cputune><numatune><memory mode='interleave' nodeset='0'/></numatune>",
    devices: ['vda', 'vdb', 'vdc', 'vdd', 'vde', 'vdf']
      .map((dev) => disk(dev, 'virtio', " cache='writeback' iothread='3'"))
      .join(''),
  }),
  guestXml({
    name: 'tuner-odd',
    vcpus: 3,
    memory: "<memory unit='MiB'>257</memory>",
    more: "<memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages><locked/></memoryBacking>",
    devices: `${disk('vda', 'virtio', " queues='1'")}<memballoon model='none'/>`,
  }),
  guestXml({
    name: 'tuner-scsi',
    vcpus: 1,
    memory: "<maxMemory slots='4' unit='MiB'>1024</maxMemory><memory unit='MiB'>256</memory>",
    cpu: "<model>qemu64</model><numa><cell cpus='0' memory='262144'/></numa>",
    more: '<iothreads>1</iothreads>',
    devices: `<controller type='scsi' model='virtio-scsi'><driver iothread='1'/></controller>${disk('sda', 'scsi')}<disk type='file' device='cdrom'><target dev='sdb' bus='scsi'/></disk>`,
  }),
];
const nameOf = (xml: string): string => /<name>(.*)<\/name>/.exec(xml)?.[1] ?? '';

const FILE = join(LAB_DIR, 'tuner-settings.xml');
function define(xml: string): void {
  writeFileSync(FILE, xml);
  virsh('define', '--validate', FILE);
}
const dump = (name: string): Element => parseXml(name, virsh('dumpxml', '--inactive', name), 'domain');
const text = (root: Element): string => new XMLSerializer().serializeToString(root);

const HAS_BOOTED = canBoot();

let versions: HostVersions;
beforeAll(async () => {
  const connection = await connect('qemu:///system', { readOnly: true });
  versions = await versionsOf(connection);
  await connection.close();
  for (const xml of GUESTS) define(xml);
});
afterEach(() => {
  define(RICH.replace('<memory ', `<uuid>${virsh('domuuid', nameOf(RICH)).trim()}</uuid><memory `));
});
afterAll(() => {
  for (const xml of GUESTS) virsh('undefine', nameOf(xml));
  rmSync(FILE, { force: true });
});

/** A value of each setting that is valid on this host, with two CPUs and one cell, and for the rich guest. */
const VALUES: readonly [RegExp, string][] = [
  [/^vcpu\.placement$/, 'auto'],
  [/^(vcpupin|emulatorpin|iothreadpin)$/, '1'],
  [/^vcpu\.cpuset$/, '0'],
  [/^iothreads$/, '1,3-4,7'],
  [/^iothread\.pool$/, '2-16'],
  [/^iothread\.poll\.max$/, '65536'],
  [/^iothread\.poll\./, '2'],
  [/^(disk|scsi)\.iothreads$/, '1-2'],
  [/^numa\.cells$/, '0,2 64 MiB, 1,3 192 MiB'],
  [/^numatune\.mode$/, 'interleave'],
  [/^numatune\.nodeset$/, '0'],
  [/^memnode$/, 'preferred 0'],
  [/sched$/, 'fifo 3'],
  [/^shares$/, '2000'],
  [/\.(period|quota)$/, '50000'],
  [/^cachetune$/, '0-1: L3 0 both 4 MiB; 2-3: L3 0 both 2 MiB'],
  [/^memorytune$/, '0-1: node 0 60 %; 2-3: node 0 30 %'],
  [/^cpu\.mode$/, 'host-model'],
  [/^cpu\.topology$/, 'sockets=2 dies=1 cores=1 threads=2'],
  [/^cpu\.feature/, 'require'],
  [/^hyperv\.spinlocks$/, '8191'],
  [/^(hyperv|kvm)\.|^pmu$|^balloon\.(free|auto)/, 'on'],
  [/^timer\.(hpet|hypervclock|kvmclock)$/, 'no'],
  [/^timer\./, 'delay'],
  [/^hugepages$/, '2 MiB on 0, 1 GiB on 1'],
  [/^(locked|nosharepages)$/, 'yes'],
  [/^memory\.allocation$/, 'immediate'],
  [/^memory\.current$/, '128 MiB'],
  [/^memtune\.swap/, '4 GiB'],
  [/^memtune\./, '1536 MiB'],
  [/^balloon\.model$/, 'none'],
  [/^balloon\.statsPeriod$/, '7'],
  [/^disk\.bus$/, 'sata'],
  [/^disk\.cache$/, 'directsync'],
  [/^disk\.io$/, 'io_uring'],
  [/^disk\.discard$/, 'ignore'],
  [/^disk\.detectZeroes$/, 'on'],
  [/^(disk|scsi)\.(queues|iothread)$/, '2'],
  [/^disk\.queueSize$/, '512'],
  [/^disk\.(statisticsIntervals|latencyBins)$/, '5, 60'],
  [/^disk\.iotune\.group$/, 'tenant'],
  [/^disk\.iotune\..*MaxLength$/, '5'],
  [/^disk\.iotune\..*Max$/, '2000000'],
  [/^disk\.iotune\./, '1000000'],
  [/^blkio\.weight$/, '300'],
  [/^nic\.model$/, 'e1000e'],
  [/^nic\.driver$/, 'vhost'],
  [/^nic\.queues$/, '3'],
  [/^nic\.(rx|tx)QueueSize$/, '512'],
  [/^nic\.bandwidth/, 'average=1000 peak=2000 burst=512'],
];
const TARGETS = {
  domain: '',
  vcpu: '2',
  iothread: '2',
  disk: 'vda',
  controller: '0',
  nic: NIC,
  cell: '1',
} as const;

const STIMER_NEEDS = { 'hyperv.vpindex': 'on', 'hyperv.synic': 'on', 'timer.hypervclock': 'yes' } as const;

/** Other settings that each one requires to be valid. */
const NEEDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'numatune.mode': { 'numatune.nodeset': '0' },
  memnode: { 'numatune.nodeset': '0' },
  // libvirt 11.9 and newer refuse stimer without its Hyper-V dependencies.
  'hyperv.stimer': STIMER_NEEDS,
  'hyperv.stimer.direct': { 'hyperv.stimer': 'on', ...STIMER_NEEDS },
  'hyperv.tlbflush': { 'hyperv.vpindex': 'on' },
  'hyperv.ipi': { 'hyperv.vpindex': 'on' },
  'hyperv.evmcs': { 'hyperv.vapic': 'on' },
  'disk.iotune.group': { 'disk.iotune.totalIopsSec': '1000' },
  'memtune.swapHardLimit': { 'memtune.hardLimit': '1 GiB' },
  ...Object.fromEntries(
    settings
      .filter(({ id }) => /^disk\.iotune.*Max(Length)?$/.test(id))
      .map(({ id }) => {
        const base = id.replace(/Max(Length)?$/, '');
        return [id, { [base]: '1000000', ...(id.endsWith('Length') && { [`${base}Max`]: '2000000' }) }];
      }),
  ),
};

/** Settings that only some libvirt versions support: others' schema rejects them by name. */
const NEWER: readonly [RegExp, LibvirtFeature][] = [
  [/^iothread\.poll\./, 'storedIoThreadPolling'],
  [/^disk\.iothreads$/, 'diskQueueMapping'],
  [/^scsi\.iothreads$/, 'scsiQueueMapping'],
  [/^disk\.statisticsIntervals$/, 'blockWindows'],
  [/^disk\.latencyBins$/, 'blockLatency'],
];
/** Settings of KVM, which the lab lacks. */
const KVM_ONLY = /^(cachetune|memorytune)$/;

test.each(settings.filter(({ id }) => !KVM_ONLY.test(id)))(
  '$id reads the same once libvirt has defined it, and can be taken out again',
  (setting) => {
    const target = TARGETS[setting.on];
    const value = VALUES.find(([pattern]) => pattern.test(setting.id))?.[1];
    if (value === undefined) throw new Error(`no value for ${setting.id}`);
    const root = dump(nameOf(RICH));
    const before = setting.read(root, target);
    for (const [id, needed] of Object.entries(NEEDS[setting.id] ?? {})) {
      const other = settings.find((each) => each.id === id);
      other?.write(root, TARGETS[other.on], needed);
    }
    setting.write(root, target, value);
    const feature = NEWER.find(([pattern]) => pattern.test(setting.id))?.[1];
    if (feature !== undefined && !isSince(versions, LIBVIRT_FEATURES[feature])) {
      expect(() => define(text(root))).toThrow(/XML document failed to validate/);
      return;
    }
    define(text(root));
    const defined = dump(nameOf(RICH));
    expect(setting.read(defined, target)).toBe(value);

    setting.write(defined, target, before);
    for (const id of Object.keys(NEEDS[setting.id] ?? {})) {
      const other = settings.find((each) => each.id === id);
      other?.write(defined, TARGETS[other.on], undefined);
    }
    define(text(defined));
    expect(setting.read(dump(nameOf(RICH)), target)).toBe(before);
  },
);

/** A placement on the lab's host, whose two CPUs are too few for most guests: one to one until they run out. */
function placeFor(
  host: HostFacts,
  state: DomainState,
  profile: Parameters<typeof placementRequest>[0],
): Assignment | undefined {
  const request = placementRequest(profile, host, state);
  if (request === undefined) return undefined;
  const count =
    request.kind === 'node' ? request.vcpus : request.cells.reduce((sum, cell) => sum + cell.vcpus.size, 0);
  const cells = request.kind === 'node' ? [0] : request.cells.map(() => 0);
  const all = [...host.online];
  return {
    guest: request.guest,
    kind: request.kind,
    cells,
    memoryCells: cells,
    vcpus: Array.from({ length: count }, (_, vcpu) =>
      request.kind === 'node' ? host.online : CpuSet.of([all[vcpu % all.length] ?? 0]),
    ),
    emulator: host.online,
    ioThreads: host.online,
  };
}

const taken = (wishes: readonly Wish[]): Wish[] =>
  wishes.filter(
    ({ problem, proposal, liveOnly }) => problem === undefined && proposal === undefined && liveOnly !== true,
  );

test.each((await ProfileLibrary.open([])).places.map(({ name }) => name))(
  '%s makes definitions that libvirt accepts, and that read as planned',
  async (name) => {
    const profile = (await ProfileLibrary.open([])).get(name);
    const connection = await connect('qemu:///system', { readOnly: true });
    try {
      const host = await readHost(connection, 'qemu:///system', {
        procRoot: '/proc',
        sysRoot: '/sys',
        cgroupRoot: '/sys/fs/cgroup',
      });
      const names = new Set([...(HAS_BOOTED ? [BOOTED] : []), ...GUESTS.map(nameOf)]);
      const states = (await readDomains(connection)).filter(({ domain }) => names.has(domain.name));
      expect(states).toHaveLength(names.size);
      for (const state of states) {
        const before = state.inactive?.xml ?? '';
        // Includes all proposals, as if the guest had all drivers.
        const accepted = new Set(['disk.bus', 'nic.model']);
        const all = resolve(profile, host, state, placeFor(host, state, profile), { accepted });
        const wishes = taken(all.map(({ proposal, ...wish }) => wish));
        const root = parseXml(state.domain.name, before, 'domain');
        for (const { setting, target, value } of wishes) setting.write(root, target, value);
        define(text(root));
        const defined = dump(state.domain.name);
        const unlike = wishes
          .map(({ setting, target, value }) => ({
            setting: setting.id,
            target,
            value,
            read: setting.read(defined, target),
          }))
          .filter(({ value, read }) => read !== value);
        define(before);
        expect(unlike, state.domain.name).toEqual([]);
      }
    } finally {
      await connection.close();
    }
  },
);
