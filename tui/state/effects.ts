/** Side effects requested by update(). */
export type Effect =
  | { readonly kind: 'quit' }
  | { readonly kind: 'suspend' }
  | { readonly kind: 'save' }
  /** Sample now, and redraw the whole screen. */
  | { readonly kind: 'refresh' }
  /** The delay has changed. */
  | { readonly kind: 'delay' }
  | { readonly kind: 'mark' }
  /** To the clipboard of the terminal. */
  | { readonly kind: 'copy'; readonly text: string }
  | { readonly kind: 'record'; readonly file: string }
  | { readonly kind: 'stop-recording' }
  | { readonly kind: 'seek'; readonly by: number }
  | { readonly kind: 'seek-to'; readonly index: number }
  | { readonly kind: 'play' };
