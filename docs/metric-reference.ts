import { groups } from '../model/catalogue/catalogue.ts';
import { elasticsearchMetrics } from '../model/catalogue/elasticsearch.ts';
import { exporterMetrics } from '../model/catalogue/exporter.ts';
import { healthMetrics } from '../model/catalogue/health.ts';
import {
  type Group,
  type HealthMetric,
  SUBJECT_LABELS,
  type SubjectMetric,
  type Subjects,
} from '../model/catalogue/metric.ts';

const INTRO = `# Metrics

Made from the catalogue in \`model/catalogue/\` by \`npm run docs\`; do not edit.

Figures are in base units. A series is absent where libvirt does not tell the figure: nothing is ever a zero that nobody
measured. Counters begin anew with each start of the VM. Labels carry only what identifies a series; what a VM, a disk or
an interface is stands in \`_info\` series, to be joined:

\`\`\`promql
rate(libvirt_domain_block_stats_read_bytes_total[5m])
  * on (instance, domain, target_device) group_left (cache, source_file) libvirt_domain_block_stats_info
\`\`\`

`;

/** What multiplies the series of a subject. */
const COUNTED: Readonly<Record<keyof Subjects, string>> = {
  domain: 'VM',
  summary: 'VM',
  identity: 'VM',
  facts: 'VM',
  fit: 'VM',
  extras: 'VM',
  local: 'VM',
  guest: 'VM',
  guestFilesystem: 'guest file system',
  vcpuPlace: 'vCPU',
  missing: 'VM',
  contention: 'host',
  vcpu: 'vCPU',
  block: 'disk',
  disk: 'disk',
  limitUse: 'disk',
  net: 'network interface',
  nic: 'network interface',
  ioThread: 'iothread',
  host: 'host',
  overcommit: 'host',
  cell: 'NUMA cell',
  pool: 'storage pool',
};

/** The text of docs/metrics.md. */
export function metricReference(): string {
  return `${[INTRO.trimEnd(), series(), groupList(), ...groups.map(groupSection), health(), exporter(), elasticsearch()].join('\n\n')}\n`;
}

function series(): string {
  const count = new Map<string, number>();
  for (const group of groups as readonly Group[]) {
    if (!group.byDefault) continue;
    for (const metric of group.metrics) {
      const per = COUNTED[metric.per];
      if (!('labels' in metric) || metric.type === 'info') count.set(per, (count.get(per) ?? 0) + 1);
    }
  }
  const rows = [...count].map(([per, most]) => `| each ${per} | ${most} |`);
  const vcpu = count.get('vCPU') ?? 0;
  return `## How many series

At most, with the default groups; figures that a VM does not have cost nothing. Metrics with labels of their own (states,
modes, sizes, limits by direction) have a handful of fixed values each and are not counted here.

| for | series |
| --- | -----: |
${rows.join('\n')}

A VM with 240 vCPUs costs ${vcpu} x 240 = ${vcpu * 240} series for them. The kvm group, off by default, adds what the
kernel counts: about 40 a vCPU.

No label holds text of a guest's making but the VM's name, which is not the guest's but its owner's. What owners write
into metadata stands in info series, a label of at most 200 characters each. The agent group, off by default, tells a
guest's file systems by numbers of virtune's own, 0 to 15, and by the host's name for the disk: a guest that mounts and
renames whatever it likes has at most 16 times two series of them. A number stays with a mount point for as long as that is
mounted; which one it is, only the guest can say, in words: these stand in info series of the group agentinfo, which is
off as well and meant for guests that you trust, since each word that a guest makes up is a new series.`;
}

function groupList(): string {
  const rows = (groups as readonly Group[]).map(
    ({ name, help, byDefault, costs }) =>
      `| [\`${name}\`](#${name}) | ${byDefault ? 'on' : 'off'} | ${help} | ${costs} |`,
  );
  return `## Groups

\`--collect.GROUP\` and \`--no-collect.GROUP\` switch them.

| group | default | what | costs |
| --- | --- | --- | --- |
${rows.join('\n')}`;
}

function groupSection({ name, help, metrics }: Group): string {
  return `### ${name}

${help}

| metric | type | labels | what | needs |
| --- | --- | --- | --- | --- |
${metrics.map(row).join('\n')}`;
}

function row(metric: SubjectMetric): string {
  const own =
    'labels' in metric ? (Array.isArray(metric.labels) ? metric.labels : Object.keys(metric.labels)) : [];
  const labels = [...SUBJECT_LABELS[metric.per], ...own].map((label) => `\`${label}\``).join(', ');
  const needs = [
    metric.since === undefined ? undefined : `libvirt ${metric.since}`,
    metric.needs?.replaceAll('<', '\\<'),
  ].filter((need) => need !== undefined);
  return `| \`${metric.name}\` | ${metric.type} | ${labels} | ${metric.help} | ${needs.join('; ')} |`;
}

function health(): string {
  return `### health

Always there: how virtune, its connection and each VM's answer are.

${alwaysThere(Object.values(healthMetrics))}`;
}

function exporter(): string {
  return `### exporter

Always there too: the exporter's own work. What prom-client tells of the process (\`process_*\`, \`nodejs_*\`) comes beside it.

${alwaysThere(Object.values(exporterMetrics))}`;
}

function elasticsearch(): string {
  return `### elasticsearch

There where samples are sent to [Elasticsearch or OpenSearch](elasticsearch.md).

${alwaysThere(Object.values(elasticsearchMetrics))}`;
}

function alwaysThere(metrics: readonly Pick<HealthMetric, 'name' | 'type' | 'labels' | 'help'>[]): string {
  const rows = metrics.map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return `| metric | type | labels | what |
| --- | --- | --- | --- |
${rows.join('\n')}`;
}
