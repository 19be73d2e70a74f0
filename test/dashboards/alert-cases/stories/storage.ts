import { of, SENT, type Story } from './story.ts';

const pool = (host: string, name: string, what: string, cluster = ''): string =>
  of(host, `libvirt_storage_pool_${what}_bytes`, `storage_pool="${name}"`, cluster);
const info = (host: string, name: string, labels: string, cluster = ''): string =>
  of(host, 'libvirt_storage_pool_info', `storage_pool="${name}", ${labels}`, cluster);
/** A pool of 100 that fills up within a day, with 70 provisioned for this host's VMs. */
const filling = (host: string, name: string, cluster = '', given = 70): Record<string, string> => ({
  [pool(host, name, 'provisioned', cluster)]: `${given}+0x100`,
  [pool(host, name, 'capacity', cluster)]: '100+0x100',
  [pool(host, name, 'available', cluster)]: '40-0.4x100',
});
const thin = (host: string, name: string, cluster = ''): string =>
  `{alertname="ThinPoolOvercommit", severity="warning", ${cluster === '' ? '' : `cluster="${cluster}", `}instance="${host}", storage_pool="${name}"}`;
const slowDisk = (host: string, domain: string, device = 'vda'): Record<string, string> => {
  const disk = (name: string): string =>
    of(host, `libvirt_domain_block_stats_${name}`, `domain="${domain}", target_device="${device}"`);
  return {
    [disk('read_requests_total')]: '0+120x60',
    [disk('write_requests_total')]: '0+0x60',
    [disk('read_time_seconds_total')]: '0+24x60',
    [disk('write_time_seconds_total')]: '0+0x60',
  };
};
const requestsOf = (host: string, domain: string, device: string, way: 'read' | 'write'): string =>
  of(
    host,
    `libvirt_domain_block_stats_${way}_requests_total`,
    `domain="${domain}", target_device="${device}"`,
  );
const stateOf = (host: string, domain: string, state: 'running' | 'paused'): string =>
  of(host, 'libvirt_domain_info_state', `domain="${domain}", state_desc="${state}"`);
/** 20 reads per second until this minute, and none afterwards. */
const stillFrom = (minute: number, host: string, domain: string, device = 'vda'): Record<string, string> => ({
  [requestsOf(host, domain, device, 'read')]: `0+1200x${minute} ${1_200 * minute}+0x70`,
  [requestsOf(host, domain, device, 'write')]: '0+0x130',
  [stateOf(host, domain, 'running')]: '1+0x130',
});
const RATIO = 'pool:virtune_storage_pool_provisioned:ratio';
const NFS = 'type="netfs", source_host="nas1", source_dir="/export/images"';

export const storageStories: readonly Story[] = [
  {
    what: 'a pool without a description is one where its name and its size are the same on two hosts',
    series: { ...filling('kvm1', 'nfs'), ...filling('kvm2', 'nfs') },
    everyMinutes: 10,
    at: { 900: { [SENT]: { [thin('kvm1', 'nfs')]: 1, [thin('kvm2', 'nfs')]: 1 } } },
  },
  {
    what: 'a pool on NFS is one on all hosts that mount it, under whatever name',
    series: {
      ...filling('kvm1', 'images'),
      [info('kvm1', 'images', NFS)]: '1+0x100',
      ...filling('kvm2', 'nas'),
      [info('kvm2', 'nas', NFS)]: '1+0x100',
    },
    everyMinutes: 10,
    at: {
      900: {
        [RATIO]: {
          [`${RATIO}{job="virtune", instance="kvm1", storage_pool="images"}`]: 1.4,
          [`${RATIO}{job="virtune", instance="kvm2", storage_pool="nas"}`]: 1.4,
        },
        [SENT]: { [thin('kvm1', 'images')]: 1, [thin('kvm2', 'nas')]: 1 },
      },
    },
  },
  {
    what: 'folders of one name and size on two hosts are two pools, and so are exports of two servers',
    series: {
      ...filling('kvm1', 'default'),
      [info('kvm1', 'default', 'type="dir"')]: '1+0x100',
      ...filling('kvm2', 'default'),
      [info('kvm2', 'default', 'type="dir"')]: '1+0x100',
      ...filling('kvm1', 'images'),
      [info('kvm1', 'images', NFS)]: '1+0x100',
      ...filling('kvm2', 'images'),
      [info('kvm2', 'images', NFS.replace('nas1', 'nas2'))]: '1+0x100',
    },
    everyMinutes: 10,
    at: { 900: { [SENT]: {}, [`${RATIO} > 0.71`]: {} } },
  },
  {
    what: 'a pool that moves to another server, and one that grows as one of two replicas sees it, keep their ratios',
    series: {
      ...filling('kvm1', 'images'),
      [info('kvm1', 'images', NFS)]: '1+0x30 stale',
      [info('kvm1', 'images', NFS.replace('nas1', 'nas2'))]: '_x31 1+0x69',
      ...filling('kvm2', 'default'),
      [info('kvm2', 'default', 'type="dir"')]: '1+0x100',
      [of('kvm3', 'libvirt_storage_pool_provisioned_bytes', 'storage_pool="lvm", replica="a"')]: '50+0x100',
      [of('kvm3', 'libvirt_storage_pool_provisioned_bytes', 'storage_pool="lvm", replica="b"')]: '50+0x100',
      [of('kvm3', 'libvirt_storage_pool_capacity_bytes', 'storage_pool="lvm", replica="a"')]: '100+0x100',
      [of('kvm3', 'libvirt_storage_pool_capacity_bytes', 'storage_pool="lvm", replica="b"')]:
        '100+0x30 200+0x69',
    },
    at: {
      35: {
        [RATIO]: {
          [`${RATIO}{job="virtune", instance="kvm1", storage_pool="images"}`]: 0.7,
          [`${RATIO}{job="virtune", instance="kvm2", storage_pool="default"}`]: 0.7,
          [`${RATIO}{job="virtune", instance="kvm3", storage_pool="lvm"}`]: 0.5,
        },
      },
    },
  },
  {
    what: 'a pool of one server in two clusters is two: their provisioning is not added up',
    series: {
      ...filling('kvm1', 'images', 'a'),
      [info('kvm1', 'images', NFS, 'a')]: '1+0x100',
      ...filling('kvm1', 'images', 'b'),
      [info('kvm1', 'images', NFS, 'b')]: '1+0x100',
    },
    everyMinutes: 10,
    at: { 900: { [SENT]: {} } },
  },
  {
    what: 'six slow disks of six VMs make one alert of their host, five minutes before those of the disks',
    series: Object.assign({}, ...['a', 'b', 'c', 'd', 'e', 'f'].map((domain) => slowDisk('kvm1', domain))),
    at: {
      9: { [SENT]: { '{alertname="HostDisksSlow", severity="warning", instance="kvm1"}': 1 } },
      30: {
        'count by (alertname, instance) (ALERTS{alertstate="firing", component="disk"})': {
          '{alertname="HostDisksSlow", instance="kvm1"}': 1,
          '{alertname="DiskLatencyHigh", instance="kvm1"}': 6,
        },
      },
    },
  },
  {
    what: 'VMs whose disks have nothing to do are not hung: two of them, paused ones, and data disks beside a system that writes',
    series: {
      ...stillFrom(60, 'kvm1', 'a'),
      ...stillFrom(60, 'kvm1', 'b'),
      ...Object.assign(
        {},
        ...['a', 'b', 'c', 'd'].flatMap((domain) => [
          { ...stillFrom(60, 'kvm2', domain), [stateOf('kvm2', domain, 'running')]: '1+0x60 stale' },
          { [stateOf('kvm2', domain, 'paused')]: '_x61 3+0x60' },
          stillFrom(60, 'kvm3', domain, 'vdb'),
          {
            [requestsOf('kvm3', domain, 'vda', 'read')]: '0+0x130',
            [requestsOf('kvm3', domain, 'vda', 'write')]: '0+1x130',
          },
        ]),
      ),
    },
    at: {
      59: { 'ALERTS{alertname="HostDisksHung"}': {} },
      70: { 'ALERTS{alertname="HostDisksHung"}': {} },
      100: { 'ALERTS{alertname="HostDisksHung"}': {} },
    },
  },
  {
    what: 'slow disks on two hosts, four on each, are not an alert of a host',
    series: Object.assign(
      {},
      ...['kvm1', 'kvm2'].flatMap((host) => ['a', 'b', 'c', 'd'].map((domain) => slowDisk(host, domain))),
    ),
    at: { 30: { 'ALERTS{alertname="HostDisksSlow"}': {} } },
  },
  {
    what: 'six slow disks of one VM, or of two, are not an alert of the host, and those of three VMs are',
    series: Object.assign(
      {},
      ...['vda', 'vdb', 'vdc', 'vdd', 'vde', 'vdf'].map((device) => slowDisk('kvm1', 'a', device)),
      ...['vda', 'vdb', 'vdc'].flatMap((device) => ['a', 'b'].map((vm) => slowDisk('kvm2', vm, device))),
      ...['vda', 'vdb'].flatMap((device) => ['a', 'b', 'c'].map((vm) => slowDisk('kvm3', vm, device))),
    ),
    at: {
      30: {
        'count by (alertname, instance) (ALERTS{alertstate="firing", component="disk"})': {
          '{alertname="DiskLatencyHigh", instance="kvm1"}': 6,
          '{alertname="DiskLatencyHigh", instance="kvm2"}': 6,
          '{alertname="DiskLatencyHigh", instance="kvm3"}': 6,
          '{alertname="HostDisksSlow", instance="kvm3"}': 1,
        },
      },
    },
  },
];
