/** What update() asks of the world outside. */
export type Effect =
  | { readonly kind: 'quit' }
  | { readonly kind: 'suspend' }
  | { readonly kind: 'save' }
  /** Sample now, and draw all of the screen. */
  | { readonly kind: 'refresh' }
  /** The delay is another. */
  | { readonly kind: 'delay' }
  | { readonly kind: 'mark' }
  /** Into the clipboard of the terminal. */
  | { readonly kind: 'copy'; readonly text: string }
  | { readonly kind: 'record'; readonly file: string }
  | { readonly kind: 'stop-recording' }
  | { readonly kind: 'seek'; readonly by: number }
  | { readonly kind: 'seek-to'; readonly index: number }
  | { readonly kind: 'play' };
