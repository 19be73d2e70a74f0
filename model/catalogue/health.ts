import type { HealthMetric } from './metric.ts';

/** What the exporter knows of itself, of its connection, and of how each domain was asked. */
export const healthMetrics = {
  up: {
    per: 'process',
    type: 'gauge',
    name: 'libvirt_up',
    help: '1 when libvirt was asked and answered for this scrape.',
    labels: [],
  },
  domains: {
    per: 'process',
    type: 'gauge',
    name: 'libvirt_domains',
    help: 'Domains that libvirt knows, running or not.',
    labels: [],
  },
  versions: {
    per: 'process',
    type: 'info',
    name: 'libvirt_versions_info',
    help: 'Versions of the hypervisor and of libvirt on the host.',
    labels: ['hypervisor_running', 'libvirtd_running'],
  },
  state: {
    per: 'process',
    type: 'gauge',
    name: 'libvirt_domain_info_state',
    help: "State of the domain by libvirt's number: 1 running, 3 paused, 5 shut off, 6 crashed; in words in state_desc.",
    labels: ['domain', 'state_desc'],
  },
  outcome: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_domain_outcome',
    help: '1 for how asking this domain ended: fresh, unresponsive, late, error.',
    labels: ['domain', 'outcome'],
  },
  unresponsiveSince: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_domain_unresponsive_since_timestamp_seconds',
    help: 'When the call that the domain has not answered went out, in seconds since 1970; absent while it answers.',
    labels: ['domain'],
  },
  sampleAge: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_domain_sample_age_seconds',
    help: "Age of the domain's newest figures, in seconds; absent before the first.",
    labels: ['domain'],
  },
  sampleDuration: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_sample_duration_seconds',
    help: 'How long it took to ask the host and its domains, in seconds.',
    labels: [],
  },
  connectionState: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_connection_state',
    help: '1 for the state of the control connection: connecting, open, waiting (for the next attempt), closed.',
    labels: ['state'],
  },
  reconnects: {
    per: 'process',
    type: 'counter',
    name: 'virtune_connection_reconnects_total',
    help: 'Times that a connection to libvirt was opened again.',
    labels: [],
  },
  connections: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_connections',
    help: 'Connections to libvirt that are open.',
    labels: [],
  },
  stuckCalls: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_stuck_calls',
    help: 'Calls past their deadline that libvirt still works on.',
    labels: [],
  },
} as const satisfies Record<string, HealthMetric>;
