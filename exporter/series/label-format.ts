/** How series keep their labels: as text for a scrape, as attributes for OTLP. Labels are built once for each subject. */
export interface LabelFormat<L> {
  readonly none: L;
  with(labels: L, name: string, value: string): L;
}

/** With those of `pairs` that are there. */
export function withLabels<L>(
  format: LabelFormat<L>,
  labels: L,
  pairs: Readonly<Record<string, string | undefined>>,
): L {
  let all = labels;
  for (const [name, value] of Object.entries(pairs)) {
    if (value !== undefined) all = format.with(all, name, value);
  }
  return all;
}
