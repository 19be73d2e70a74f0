import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { metric } from '../../promql.ts';
import { DATA_SOURCE } from '../variables.ts';

const APPLIED = metric('virtune_tuning_info', 'domain=~"$domain"');

/** A line where a profile, or a new version of it, was applied. The series comes through node_exporter, of any instance. */
export function appliedProfiles(): dashboard.AnnotationQueryBuilder {
  return new dashboard.AnnotationQueryBuilder()
    .name('Profiles applied')
    .datasource(DATA_SOURCE)
    .enable(true)
    .iconColor('blue')
    .expr(`${APPLIED} unless ${APPLIED} offset 2m`)
    .step('1m')
    .titleFormat('{{profile}} {{version}}')
    .textFormat('{{domain}}')
    .tagKeys('profile');
}
