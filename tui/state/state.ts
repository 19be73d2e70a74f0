import type { Scene } from '../model/host-view.ts';
import type { Sort } from '../model/sort.ts';
import type { ThemeName } from '../text/theme.ts';
import { DEFAULT_SORTS, type TableName, type ViewName } from './views.ts';

/** What keys currently do. */
export type Mode =
  | { readonly kind: 'browse' }
  /** `before`: the previous value, which Esc restores. */
  | {
      readonly kind: 'prompt';
      readonly purpose: PromptPurpose;
      readonly text: string;
      readonly before: string;
    }
  | { readonly kind: 'menu'; readonly menu: 'sort' | 'columns' | 'theme'; readonly index: number }
  | { readonly kind: 'help'; readonly query: string; readonly typing: boolean; readonly top: number };

export type PromptPurpose = 'filter' | 'command' | 'delay';

/** The VM shown in the detail view. */
export interface Detail {
  readonly key: string;
  readonly part: 'all' | 'neighbours';
  readonly top: number;
  /** Index of the chart that fills the screen; undefined: all charts are shown. */
  readonly chart: number | undefined;
}

/** An instant to compare with. */
export interface Mark {
  readonly atMs: number;
  readonly scene: Scene;
}

/** The user's choices. Immutable. */
export interface UiState {
  readonly view: ViewName;
  readonly mode: Mode;
  readonly detail: Detail | undefined;
  readonly sorts: Readonly<Record<TableName, Sort>>;
  readonly filter: string;
  /** Key of the row under the cursor: the cursor stays on it when the order changes. */
  readonly selected: Readonly<Partial<Record<ViewName, string>>>;
  readonly top: Readonly<Partial<Record<ViewName, number>>>;
  /** Number of columns scrolled out at the left. */
  readonly left: number;
  /** Keeps the selected row in sight. */
  readonly follow: boolean;
  readonly tagged: ReadonlySet<string>;
  readonly onlyTagged: boolean;
  readonly frozen: boolean;
  readonly zoomed: boolean;
  readonly units: 'bytes' | 'requests';
  readonly delayMs: number;
  readonly theme: ThemeName;
  readonly ascii: boolean;
  /** Hidden columns, by table. */
  readonly hidden: Readonly<Partial<Record<TableName, readonly string[]>>>;
  readonly mark: Mark | undefined;
  /** The latest message, shown until the next key. */
  readonly message: Message | undefined;
}

export interface Message {
  readonly text: string;
  readonly role: 'info' | 'warn' | 'bad';
}

export const INITIAL_STATE: UiState = {
  view: 'vms',
  mode: { kind: 'browse' },
  detail: undefined,
  sorts: DEFAULT_SORTS,
  filter: '',
  selected: {},
  top: {},
  left: 0,
  follow: false,
  tagged: new Set(),
  onlyTagged: false,
  frozen: false,
  zoomed: false,
  units: 'bytes',
  delayMs: 1_000,
  theme: 'dark',
  ascii: false,
  hidden: {},
  mark: undefined,
  message: undefined,
};

/** What keys and the header need to know in addition to the state. */
export interface Session {
  /** Absent while hosts are watched live. */
  readonly replay:
    | { readonly index: number; readonly count: number; readonly playing: boolean; readonly file: string }
    | undefined;
  readonly recording: string | undefined;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}
