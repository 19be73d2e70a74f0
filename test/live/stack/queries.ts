import type { Dashboard } from '../../dashboards/lint/dashboard.ts';

export type EmptyPanels = Readonly<Record<string, string>>;

/** Queries of dashboards, each named after its page, panel and letter. */
export function queriesOf(
  dashboards: ReadonlyMap<string, Dashboard>,
): { readonly title: string; readonly expr: string }[] {
  return [...dashboards].flatMap(([page, { panels, annotations }]) => [
    ...panels.flatMap(({ title, targets }) =>
      (targets ?? []).map(({ refId, expr }) => ({ title: `${page}: ${title} ${refId}`, expr })),
    ),
    ...annotations.list.map(({ name, expr }) => ({ title: `${page}: ${name}`, expr })),
  ]);
}

/** Selects everything, and shortens times for a Prometheus that was started a minute ago. */
export function chosen(expr: string): string {
  return (
    expr
      .replaceAll('$__rate_interval', '15s')
      // Yesterday is some seconds ago.
      .replaceAll('offset 1d', 'offset 5s')
      .replaceAll('$cluster', '.*')
      .replaceAll(/\$(?:job|instance|domain)/g, '.+')
  );
}
