/** The part of Grafana's dashboard that the lint rules check. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly editable?: boolean;
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly Annotation[] };
  readonly panels: readonly Panel[];
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly query: string;
  readonly datasource?: { readonly uid: string };
  readonly multi?: boolean;
  readonly allValue?: string;
  readonly refresh?: number;
  readonly includeAll?: boolean;
}

export interface Annotation {
  readonly name: string;
  readonly expr: string;
}

export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly description?: string;
  readonly type: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly transformations?: readonly {
    readonly id: string;
    readonly options: { readonly renameByName?: Readonly<Record<string, string>> };
  }[];
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly mappings?: unknown;
      readonly thresholds?: Thresholds;
    };
    readonly overrides?: readonly {
      readonly matcher: { readonly id: string; readonly options: string };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
  };
}

export interface Thresholds {
  readonly steps: readonly { readonly value: number | null; readonly color: string }[];
}

export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
  readonly datasource?: { readonly type?: string };
}

/** Values for Grafana's built-in variables; each is unique, so that it can be recognised. */
export const RATE_INTERVAL = '8869990787ms';

export function expanded(expr: string): string {
  return expr
    .replaceAll('$__rate_interval', RATE_INTERVAL)
    .replaceAll('$__interval', '4867856611ms')
    .replaceAll('$__range', '6069770749ms');
}
