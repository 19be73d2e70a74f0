/** As much of a panel of Grafana's JSON as is drawn. */
export interface Panel {
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat?: string }[];
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly noValue?: string;
      readonly max?: number;
      readonly mappings?: readonly Mapping[];
      readonly thresholds?: { readonly steps: readonly Step[] };
      readonly custom?: {
        readonly stacking?: { readonly mode?: string };
        readonly thresholdsStyle?: { readonly mode?: string };
      };
    };
    readonly overrides?: readonly {
      readonly matcher: { readonly options: string };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
  };
  readonly options?: { readonly legend?: { readonly placement?: string } };
  readonly transformations?: readonly {
    readonly id: string;
    readonly options: {
      readonly indexByName?: Readonly<Record<string, number>>;
      readonly renameByName?: Readonly<Record<string, string>>;
    };
  }[];
}

/** A query whose results are lines through all graphs. */
export interface Annotation {
  readonly expr: string;
  readonly iconColor: string;
  /** The value is the time of the line, ms since 1970; else the line is where a series begins. */
  readonly useValueForTime?: boolean;
}

/** Words for numbers. */
export interface Mapping {
  readonly options: Readonly<Record<string, { readonly text: string; readonly color: string }>>;
}

export interface Step {
  readonly value: number | null;
  readonly color: string;
}

/** The place inside a panel, below its title, px. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The colour of the last step that the value reaches. */
export function stepColour(steps: readonly Step[] | undefined, value: number): string {
  let colour = 'text';
  for (const step of steps ?? []) if (step.value === null || value >= step.value) colour = step.color;
  return colour;
}
