import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { ON_VM, VM_LABELS } from '../../promql.ts';
import { LEGEND } from '../legends.ts';
import { CHOSEN_VM, newestOf, of } from '../query.ts';
import { DATA_SOURCE } from '../variables.ts';

const APPLIED_AT = of('virtune_tuning_applied_timestamp_seconds', CHOSEN_VM);
const PROFILE = newestOf(VM_LABELS, of('virtune_tuning_info', CHOSEN_VM));

const EFFECT = newestOf(VM_LABELS, of('virtune_tuning_effect_info', CHOSEN_VM));
const MEASURED_AT = of('virtune_tuning_effect_timestamp_seconds', CHOSEN_VM);

/** A line at the end of each experiment on a VM (`virtune tune apply --measure`), with its result. */
export function measuredEffects(): dashboard.AnnotationQueryBuilder {
  return new dashboard.AnnotationQueryBuilder()
    .name('Effects measured')
    .datasource(DATA_SOURCE)
    .enable(true)
    .iconColor('purple')
    .expr(`1000 * ${MEASURED_AT} * ${ON_VM} group_left (figure, verdict, kept) ${EFFECT}`)
    .useValueForTime(true)
    .step('1m')
    .titleFormat('{{verdict}}: {{figure}}')
    .textFormat(`${LEGEND.vm}, settings kept: {{kept}}`)
    .tagKeys('verdict');
}

/**
 * A line where a profile was applied to a VM. The time comes from the VM's XML, where the tuner stores it, so a
 * migrated VM or a restarted exporter does not draw a new line.
 */
export function appliedProfiles(): dashboard.AnnotationQueryBuilder {
  return new dashboard.AnnotationQueryBuilder()
    .name('Profiles applied')
    .datasource(DATA_SOURCE)
    .enable(true)
    .iconColor('blue')
    .expr(`1000 * ${APPLIED_AT} * ${ON_VM} group_left (profile, version) ${PROFILE}`)
    .useValueForTime(true)
    .step('1m')
    .titleFormat('{{profile}} {{version}}')
    .textFormat(LEGEND.vm)
    .tagKeys('profile');
}
