import { documentGroups, groups } from '../model/catalogue/catalogue.ts';
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
import { otlpMetrics } from '../model/catalogue/otlp.ts';
import { outputMetrics } from '../model/catalogue/output.ts';

const INTRO = `# Metrics

Made from the catalogue in \`model/catalogue/\` by \`npm run docs\`; do not edit.

Metrics are in base units. A series is absent where libvirt does not report the figure: nothing that was not measured is
exported as zero. Counters restart with each start of the VM. Labels contain only what identifies a series; attributes of a
VM, disk or interface are labels of \`_info\` series, to join:

\`\`\`promql
rate(libvirt_domain_block_stats_read_bytes_total[5m])
  * on (cluster, job, instance, domain, target_device) group_left (cache, source_file) libvirt_domain_block_stats_info
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
  drift: 'VM',
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
  vmRates: 'VM',
  vcpuRates: 'vCPU',
  blockRates: 'disk',
  netRates: 'network interface',
  hostRates: 'host',
  cellRates: 'NUMA cell',
};

/** The text of docs/metrics.md. */
export function metricReference(): string {
  return `${[INTRO.trimEnd(), series(), groupList(), ...groups.map(groupSection), health(), exporter(), elasticsearch(), otlp(), output(), inDocuments()].join('\n\n')}\n`;
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

At most, with the default groups; figures that a VM lacks have no series. Metrics with further labels (states,
modes, sizes, limits by direction) have a few fixed values each and are not counted here.

| for | series |
| --- | -----: |
${rows.join('\n')}

A VM with 240 vCPUs costs ${vcpu} x 240 = ${vcpu * 240} series for them. The kvm group, off by default, adds the
counters of the kernel: about 40 per vCPU.

No label contains text that a guest chooses. The name of a VM is chosen by its owner. Metadata of owners is in info series,
with labels of at most 200 characters each. The agent group, off by default, identifies file systems of a guest by a number
from 0 to 15 and by the host's name of the disk, so a guest that mounts and renames file systems at will has at most 16 times
two series. A number stays with a mount point while it is mounted. Mount points and other texts of the guest are in info
series of the group agentinfo, which is off by default and meant for guests that you trust, since each new text is a new
series.`;
}

function groupList(): string {
  const rows = (groups as readonly Group[]).map(
    ({ name, help, byDefault, costs }) =>
      `| [\`${name}\`](#${name}) | ${byDefault ? 'on' : 'off'} | ${help} | ${costs} |`,
  );
  return `## Groups

\`--collect.GROUP\` and \`--no-collect.GROUP\` enable and disable them.

| group | default | contents | costs |
| --- | --- | --- | --- |
${rows.join('\n')}`;
}

function groupSection({ name, help, metrics }: Group): string {
  return `### ${name}

${help}

| metric | type | labels | meaning | needs |
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

Always exported: the state of virtune, of its connection and of each VM's sample.

${alwaysThere(Object.values(healthMetrics))}`;
}

function exporter(): string {
  return `### exporter

Always exported: metrics of the exporter itself, in addition to prom-client's process metrics (\`process_*\`, \`nodejs_*\`).

${alwaysThere(Object.values(exporterMetrics))}`;
}

function elasticsearch(): string {
  return `### elasticsearch

Exported where samples are sent to [Elasticsearch or OpenSearch](elasticsearch.md).

${alwaysThere(Object.values(elasticsearchMetrics))}`;
}

function otlp(): string {
  return `### otlp

Exported where samples are sent to an [OTLP receiver](opentelemetry.md).

${alwaysThere(Object.values(otlpMetrics))}`;
}

function output(): string {
  return `### output

Exported with \`--output ndjson\` ([other pipelines](elasticsearch.md#other-pipelines)).

${alwaysThere(Object.values(outputMetrics))}`;
}

function inDocuments(): string {
  const rows = documentGroups.flatMap(({ metrics }) => metrics.map((metric) => row(metric)));
  return `### In documents only

Not in \`/metrics\`, where \`rate()\` computes the same: gauges of [documents](elasticsearch.md), since the previous document
of the same object. They come with the groups that they are computed from.

| field | type | labels | meaning | needs |
| --- | --- | --- | --- | --- |
${rows.join('\n')}`;
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
