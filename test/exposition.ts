/** One series of a scrape: its name, its labels, its value. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/gsy;

/** Parses Prometheus' text format strictly: invalid lines and duplicate series are errors. */
export function parseExposition(text: string): Series[] {
  const seen = new Set<string>();
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = LINE.exec(line);
      if (match === null) throw new Error(`no series: ${JSON.stringify(line)}`);
      const [, name = '', labelText = '', value = ''] = match;
      const labels: Record<string, string> = {};
      let end = 0;
      for (const label of labelText.matchAll(LABEL)) {
        labels[label[1] as string] = (label[2] as string).replaceAll(/\\(.)/gs, (_all, char: string) =>
          char === 'n' ? '\n' : char,
        );
        end = label.index + label[0].length;
      }
      if (end !== labelText.length) throw new Error(`no labels: ${JSON.stringify(labelText)}`);
      const key = `${name}${JSON.stringify(Object.entries(labels).sort())}`;
      if (seen.has(key)) throw new Error(`duplicate series: ${key}`);
      seen.add(key);
      return { name, labels, value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) };
    });
}

/** The series of a name whose labels include these. */
export function find(
  series: readonly Series[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Series[] {
  return series.filter(
    (each) =>
      each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value),
  );
}

/** The value of the only such series, or undefined if there is none. */
export function figure(
  series: readonly Series[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  return find(series, name, labels)[0]?.value;
}
