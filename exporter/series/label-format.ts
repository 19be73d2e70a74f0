/** Representation of labels: text for a scrape, attributes for OTLP. Built once per subject. */
export interface LabelFormat<L> {
  readonly none: L;
  with(labels: L, name: string, value: string): L;
}

/** Adds those of `pairs` that have a value. */
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
