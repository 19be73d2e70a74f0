/** What the last frame drew: the context in which keys are interpreted. */
export interface Seen {
  /** Row keys in order; empty when the view has no selectable rows. */
  readonly rows: readonly string[];
  /** The VM of each row. */
  readonly vmKeys: readonly string[];
  /** Rows that fit. */
  readonly page: number;
  /** Maximum scroll position of a text. */
  readonly textMax: number;
  /** Columns of the table in their order. */
  readonly columns: readonly string[];
  readonly charts: number;
  /** Commands of the selected finding, for the clipboard; empty when there is none. */
  readonly commands: readonly (readonly string[])[];
}
