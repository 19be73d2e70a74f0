import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { type LimitPlace, limitPlaces } from './limits.ts';
import { PAGES, type PageName } from './links.ts';
import { DATA_SOURCE, type Scope, variablesOf } from './variables.ts';

export interface Row {
  readonly title: string;
  readonly panels: readonly cog.Builder<dashboard.Panel>[];
}

export interface PageSpec {
  readonly name: PageName;
  readonly title: string;
  readonly help: string;
  readonly scope: Scope;
  readonly annotations?: readonly cog.Builder<dashboard.AnnotationQuery>[];
  /** Rows in display order. */
  readonly rows: readonly Row[];
}

export interface Page {
  readonly name: PageName;
  readonly dashboard: dashboard.Dashboard;
  readonly limits: readonly LimitPlace[];
}

const TAG = 'virtune';

export function page(spec: PageSpec): Page {
  const builder = new dashboard.DashboardBuilder(spec.title)
    .uid(PAGES[spec.name])
    .description(spec.help)
    .tags([TAG, 'kvm', 'libvirt'])
    .readonly()
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .time({ from: 'now-3h', to: 'now' })
    .refresh('1m')
    .timezone('browser')
    .variables(variablesOf(spec.scope))
    .link(otherPages())
    .annotations([alertsFiring(spec.scope), ...(spec.annotations ?? [])]);
  for (const row of spec.rows) {
    builder.withRow(new dashboard.RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panel);
  }
  const built = builder.build();
  giveIds(built);
  dropPlacement(built);
  return { name: spec.name, dashboard: built, limits: [...limitPlaces(built)] };
}

function otherPages(): dashboard.DashboardLinkBuilder {
  return new dashboard.DashboardLinkBuilder('virtune')
    .type(dashboard.DashboardLinkType.Dashboards)
    .tags([TAG])
    .asDropdown(true)
    .includeVars(true)
    .keepTime(true);
}

/**
 * Alerts of the selected objects, as lines through all graphs. Alerts on a whole cluster have no job and no host, and
 * those on a host no VM: `|` also matches the empty value.
 */
function alertsFiring(scope: Scope): dashboard.AnnotationQueryBuilder {
  const chosen = {
    fleet: ['job=~"$job|"', 'instance=~"$instance|"'],
    host: ['job=~"$job"', 'instance=~"$instance"'],
    vm: ['job=~"$job"', 'instance=~"$instance"', 'domain=~"$domain|"'],
  }[scope];
  const matchers = [
    'alertstate="firing"',
    'component!=""',
    'severity=~"critical|warning"',
    'cluster=~"$cluster"',
    ...chosen,
  ];
  return new dashboard.AnnotationQueryBuilder()
    .name('Alerts')
    .datasource(DATA_SOURCE)
    .enable(true)
    .iconColor('red')
    .expr(`ALERTS{${matchers.join(', ')}}`)
    .step('1m')
    .titleFormat('{{alertname}}')
    .textFormat('{{cluster}} {{instance}} {{domain}}')
    .tagKeys('severity');
}

/**
 * Sets panel ids, which the builders leave out. Links to a panel depend on its id, so it is derived from the titles of
 * its row and panel, not from its position.
 */
function giveIds(built: dashboard.Dashboard): void {
  let row = '';
  for (const panel of built.panels ?? []) {
    if (panel.type === 'row') row = panel.title ?? '';
    panel.id = idOf(`${built.uid}/${row}/${panel.type === 'row' ? '' : panel.title}`);
  }
}

/** FNV-1a, 31 bits: a positive number that Grafana accepts. */
function idOf(key: string): number {
  let hash = 0x811c9dc5;
  for (const char of key) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 1 || 1;
}

/** The builders move links and annotations into a menu; keep them visible. */
function dropPlacement(built: unknown): void {
  if (typeof built !== 'object' || built === null) return;
  if ('placement' in built && built.placement === 'inControlsMenu') delete built.placement;
  for (const value of Object.values(built)) dropPlacement(value);
}
