import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { metric, select } from '../promql.ts';

/** Every panel asks the data source that was chosen above. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own template
export const DATA_SOURCE: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

/** What a page shows before anything is chosen: all hosts, the first host, or the first VM of the first host. */
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

/** Grafana begins with the first value where there is no All to begin with. */
const firstOf = (variable: dashboard.QueryVariableBuilder): dashboard.QueryVariableBuilder =>
  variable.includeAll(false);

function dataSource(): dashboard.DatasourceVariableBuilder {
  return new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus');
}

/** `.*` also matches series without the label: many fleets are one cluster. */
function cluster(): dashboard.QueryVariableBuilder {
  return allOf(
    choice('cluster', 'Cluster', `label_values(${metric('virtune_connections')}, cluster)`).allValue('.*'),
  );
}

/** All is the jobs that are listed: another exporter beside virtune has series of the same names. */
function job(): dashboard.QueryVariableBuilder {
  return allOf(
    choice('job', 'Job', `label_values(${metric('virtune_connections', 'cluster=~"$cluster"')}, job)`),
  );
}

/** From `up`, which a host that cannot be scraped has too, or from `libvirt_up` of a host whose series come by OTLP. */
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
 * The variables of a page. Only pages whose queries are bounded for all hosts together offer All of them; elsewhere
 * several hosts can be chosen one by one.
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
