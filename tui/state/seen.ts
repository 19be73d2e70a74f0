/** What stands on the screen that keys are about: from the frame that was drawn last. */
export interface Seen {
  /** Keys of the view's rows in their order; empty where the view has no rows to choose from. */
  readonly rows: readonly string[];
  /** The VM of each row. */
  readonly vmKeys: readonly string[];
  /** Rows that fit. */
  readonly page: number;
  /** How far a text can be scrolled down. */
  readonly textMax: number;
  /** Columns of the table in their order. */
  readonly columns: readonly string[];
  readonly charts: number;
  /** Of the finding that is looked at, for the clipboard; empty where there is none. */
  readonly commands: readonly (readonly string[])[];
}
