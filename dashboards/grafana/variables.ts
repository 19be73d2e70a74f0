import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { metric } from '../promql.ts';

/** Every panel asks the data source that was chosen above. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own template
export const DATA_SOURCE: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

const ALL: dashboard.VariableOption = { selected: true, text: ['All'], value: ['$__all'] };

export function dataSource(): dashboard.DatasourceVariableBuilder {
  return new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus');
}

/** A multi-value variable, queried again when the time range changes: hosts and VMs come and go. */
function choice(name: string, label: string, query: string): dashboard.QueryVariableBuilder {
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(DATA_SOURCE)
    .query(query)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current(ALL);
}

// The tuner's series come through node_exporter, under another job and instance: they are offered too.
const HOSTS = `{__name__=~"${metric('virtune_connections')}|${metric('virtune_tuning_info')}"`;

export function job(): dashboard.QueryVariableBuilder {
  return choice('job', 'Job', `label_values(${metric('virtune_connections')}, job)`);
}

export function instance(): dashboard.QueryVariableBuilder {
  return choice(
    'instance',
    'Instance',
    `label_values(${metric('virtune_connections', 'job=~"$job"')}, instance)`,
  );
}

/** For the page on tuning. */
export function jobOfTuning(): dashboard.QueryVariableBuilder {
  return choice('job', 'Job', `label_values(${HOSTS}}, job)`);
}

export function instanceOfTuning(): dashboard.QueryVariableBuilder {
  return choice('instance', 'Instance', `label_values(${HOSTS}, job=~"$job"}, instance)`);
}

export function domain(): dashboard.QueryVariableBuilder {
  return choice(
    'domain',
    'VM',
    `label_values(${metric('libvirt_domain_info_state', 'job=~"$job"', 'instance=~"$instance"')}, domain)`,
  );
}
