import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { metric, select } from '../promql.ts';

/** Every panel asks the data source that was chosen above. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own template
export const DATA_SOURCE: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

/** The initial selection of a page: all hosts, the first host, or the first VM of the first host. */
export type Scope = 'fleet' | 'host' | 'vm';

const ALL: dashboard.VariableOption = { selected: true, text: ['All'], value: ['$__all'] };

/** A multi-value variable, queried again when the time range changes: hosts and VMs come and go. */
function choice(name: string, label: string, query: string): dashboard.QueryVariableBuilder {
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(DATA_SOURCE)
    .query(query)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true);
}

const allOf = (variable: dashboard.QueryVariableBuilder): dashboard.QueryVariableBuilder =>
  variable.includeAll(true).current(ALL);

/** Grafana selects the first value if there is no All. */
const firstOf = (variable: dashboard.QueryVariableBuilder): dashboard.QueryVariableBuilder =>
  variable.includeAll(false);

function dataSource(): dashboard.DatasourceVariableBuilder {
  return new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus');
}

/** `.*` also matches series without the label: many fleets have only one cluster. */
function cluster(): dashboard.QueryVariableBuilder {
  return allOf(
    choice('cluster', 'Cluster', `label_values(${metric('virtune_connections')}, cluster)`).allValue('.*'),
  );
}

/** All means the listed jobs: another exporter may have series of the same names. */
function job(): dashboard.QueryVariableBuilder {
  return allOf(
    choice('job', 'Job', `label_values(${metric('virtune_connections', 'cluster=~"$cluster"')}, job)`),
  );
}

/** From `up`, which also exists for a host whose scrape fails, or from `libvirt_up` of a host with OTLP series. */
function instance(): dashboard.QueryVariableBuilder {
  return choice(
    'instance',
    'Instance',
    `label_values(${select('', ['__name__=~"up|libvirt_up"', 'cluster=~"$cluster"', 'job=~"$job"'])}, instance)`,
  ).allValue('.+');
}

function domain(): dashboard.QueryVariableBuilder {
  return choice(
    'domain',
    'VM',
    `label_values(${metric('libvirt_domain_info_state', 'cluster=~"$cluster"', 'job=~"$job"', 'instance=~"$instance"')}, domain)`,
  ).allValue('.+');
}

/**
 * The variables of a page. Only pages with bounded queries over all hosts offer All of them; elsewhere several hosts
 * can be selected individually.
 */
export function variablesOf(
  scope: Scope,
): (dashboard.DatasourceVariableBuilder | dashboard.QueryVariableBuilder)[] {
  return [
    dataSource(),
    cluster(),
    job(),
    scope === 'fleet' ? allOf(instance()) : firstOf(instance()),
    ...(scope === 'vm' ? [firstOf(domain())] : []),
  ];
}
