/** Figures that a panel shows, from a Prometheus that is running. */
export interface RangeSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [atSeconds: number, value: number])[];
}

export interface InstantSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface TimeRange {
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly stepSeconds: number;
}

/** A line through all graphs. */
export interface Mark {
  readonly atSeconds: number;
  readonly colour: string;
}

interface Answer<T> {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: readonly T[] };
}

/** Asks one Prometheus, with a page's choices in the place of Grafana's variables. */
export class Figures {
  readonly #url: string;
  readonly #choices: Readonly<Record<string, string>>;
  readonly range: TimeRange;
  marks: readonly Mark[] = [];

  constructor(url: string, choices: Readonly<Record<string, string>>, range: TimeRange) {
    this.#url = url;
    this.#choices = choices;
    this.range = range;
  }

  async overTime(expr: string): Promise<RangeSeries[]> {
    const { fromSeconds, toSeconds, stepSeconds } = this.range;
    const answer = await this.#ask<{ metric: Record<string, string>; values: [number, string][] }>(
      'query_range',
      { query: this.#chosen(expr), start: fromSeconds, end: toSeconds, step: stepSeconds },
    );
    return answer.map(({ metric, values }) => ({
      metric,
      points: values.map(([at, value]) => [at, Number(value)] as const),
    }));
  }

  async now(expr: string): Promise<InstantSeries[]> {
    const answer = await this.#ask<{ metric: Record<string, string>; value: [number, string] }>('query', {
      query: this.#chosen(expr),
      time: this.range.toSeconds,
    });
    return answer.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  #chosen(expr: string): string {
    const { fromSeconds, toSeconds } = this.range;
    return (
      expr
        .replaceAll(/\$(\w+)/g, (whole, name: string) => this.#choices[name] ?? whole)
        // The hour before stands for the day before.
        .replaceAll('offset 1d', `offset ${toSeconds - fromSeconds}s`)
    );
  }

  async #ask<T>(path: string, parameters: Readonly<Record<string, string | number>>): Promise<readonly T[]> {
    const query = new URLSearchParams(
      Object.entries(parameters).map(([name, value]) => [name, String(value)]),
    );
    const response = await fetch(`${this.#url}/api/v1/${path}?${query}`);
    const answer = (await response.json()) as Answer<T>;
    if (answer.status !== 'success') throw new Error(`${parameters['query']}: ${answer.error}`);
    return answer.data.result;
  }
}

/** `{{label}}` of a legend, from a series' labels; all of them where Grafana chooses by itself. */
export function legendOf(format: string | undefined, metric: Readonly<Record<string, string>>): string {
  if (format === undefined || format === '__auto') {
    const { __name__: name = '', ...labels } = metric;
    return Object.values(labels).join(' ') || name || 'value';
  }
  return (
    format.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => metric[label] ?? '').trim() || 'none'
  );
}
