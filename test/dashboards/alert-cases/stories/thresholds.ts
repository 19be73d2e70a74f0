import { of, type Story } from './story.ts';

const ratio = (host: string, more = ''): string =>
  of(host, 'libvirt_host_vcpu_overcommit_ratio', `state="running"${more}`);
const delay = (domain: string): string =>
  of('kvm1', 'libvirt_domain_vcpu_delay_seconds_total', `domain="${domain}", vcpu="0"`);
const vcpus = (domain: string): string => of('kvm1', 'libvirt_domain_vcpu_current', `domain="${domain}"`);
const FIRING =
  'count by (alertname, severity, instance, domain) (ALERTS{alertstate="firing", alertname=~"HostVcpuOvercommitHigh|DomainCpuSteal.*"})';

export const thresholdStories: readonly Story[] = [
  {
    what: 'hosts with a label have other thresholds, and every host has one threshold',
    series: {
      [ratio('kvm1')]: '6+0x100',
      [ratio('vdi1', ', class="desktops"')]: '6+0x100',
      [ratio('vdi2', ', class="desktops"')]: '9+0x100',
      [ratio('lab1')]: '50+0x100',
    },
    options: {
      settings: {
        HostVcpuOvercommitHigh: {
          overrides: [
            { match: { class: 'desktops' }, ratio: 8, severity: 'warning' },
            { match: { instance: 'lab.*' }, off: true },
          ],
        },
      },
    },
    at: {
      90: {
        [FIRING]: {
          '{alertname="HostVcpuOvercommitHigh", severity="info", instance="kvm1"}': 1,
          '{alertname="HostVcpuOvercommitHigh", severity="warning", instance="vdi2"}': 1,
        },
      },
    },
  },
  {
    what: 'a VM may have a lower threshold that pages earlier; of two overrides that match the first counts',
    series: Object.fromEntries(
      ['db-1', 'db-test', 'web-1'].flatMap((domain) => [
        [delay(domain), '0+2.4x60'],
        [vcpus(domain), '1+0x60'],
      ]),
    ),
    options: {
      settings: {
        DomainCpuStealCritical: {
          overrides: [
            { match: { domain: 'db-test' }, off: true },
            { match: { domain: 'db-.*' }, steal: 0.02, for: 60 },
          ],
        },
      },
    },
    at: {
      8: {
        [FIRING]: {
          '{alertname="DomainCpuStealCritical", severity="critical", instance="kvm1", domain="db-1"}': 1,
        },
      },
    },
  },
];
