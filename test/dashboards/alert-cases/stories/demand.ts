import { of, SENT, type Story } from './story.ts';

const vcpu = (host: string, name: string): string =>
  of(host, `libvirt_domain_vcpu_${name}_seconds_total`, 'domain="a", vcpu="0"');
const ratio = (host: string): string => of(host, 'libvirt_host_vcpu_overcommit_ratio', 'state="running"');
const disk = (host: string, domain: string, name: string): string =>
  of(host, `libvirt_domain_block_stats_${name}`, `domain="${domain}", target_device="vda"`);
const slow = (domain: string, requests: number): Record<string, string> => ({
  [disk('kvm1', domain, 'read_requests_total')]: `0+${requests}x60`,
  [disk('kvm1', domain, 'write_requests_total')]: '0+0x60',
  [disk('kvm1', domain, 'read_time_seconds_total')]: `0+${requests * 0.2}x60`,
  [disk('kvm1', domain, 'write_time_seconds_total')]: '0+0x60',
});
const nic = (name: string): string =>
  of('kvm1', `libvirt_domain_interface_stats_${name}_total`, 'domain="a", target_device="vnet0"');
const guest = (name: string): string => of('kvm1', `libvirt_domain_memory_stats_${name}`, 'domain="a"');
const warning = (alert: string): string => `{alertname="${alert}", severity="warning", instance="kvm1"}`;

/** A high ratio at almost no load must not wake anyone up. */
export const demandStories: readonly Story[] = [
  {
    what: 'an idle host whose VMs wake up 1 % of the time and wait 0.15 % has no CPU contention',
    series: {
      [vcpu('kvm1', 'delay')]: '0+0.09x60',
      [vcpu('kvm1', 'time')]: '0+0.6x60',
      [ratio('kvm1')]: '1.1+0x60',
    },
    at: { 40: { [SENT]: {} } },
  },
  {
    what: 'a host that is short of a tenth of a CPU and more has CPU contention',
    series: {
      [vcpu('kvm1', 'delay')]: '0+6.6x60',
      [vcpu('kvm1', 'time')]: '0+40x60',
      [ratio('kvm1')]: '1.1+0x60',
      [vcpu('kvm2', 'delay')]: '0+5.4x60',
      [vcpu('kvm2', 'time')]: '0+40x60',
      [ratio('kvm2')]: '1.1+0x60',
    },
    at: { 40: { [SENT]: { [warning('HostCpuContentionHigh')]: 1 } } },
  },
  {
    what: 'a disk with a slow request every other second is not slow, with two per second it is',
    series: { ...slow('rarely', 30), ...slow('often', 120) },
    at: {
      40: {
        [SENT]: { '{alertname="DiskLatencyHigh", severity="warning", instance="kvm1", domain="often"}': 1 },
      },
    },
  },
  {
    what: 'an interface that drops every second one of a few packets per minute is idle',
    series: {
      [nic('receive_packets')]: '0+20x60',
      [nic('transmit_packets')]: '0+0x60',
      [nic('receive_drops')]: '0+10x60',
      [nic('transmit_drops')]: '0+0x60',
    },
    at: { 40: { [SENT]: {} } },
  },
  {
    what: 'a guest with little usable memory that swaps in a page per minute is not starved',
    series: {
      [guest('usable_bytes')]: '2+0x60',
      [guest('available_bytes')]: '100+0x60',
      [guest('swap_in_bytes_total')]: '0+4096x60',
      [guest('major_fault_total')]: '0+60x60',
    },
    at: { 40: { [SENT]: {} } },
  },
];
