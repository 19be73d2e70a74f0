/**
 * Flags of Node.js at start. V8's young generation starts with 2 x 1 MiB, and V8 shrinks it to that while little is
 * allocated, as between two scrapes: an exporter then collects it seven times per scrape. Its minimum can only be set
 * at process start; cli/small-heap.ts sets what can be set later.
 */
export const NODE_FLAGS: readonly string[] = ['--min-semi-space-size=4'];

/**
 * Wraps a script so that it starts Node.js with these flags. A `#!` line takes one argument, and not every `env` splits
 * it: so a shell runs the second line, which JavaScript parses as a string and a comment.
 */
export function withFlags(script: string): string {
  const body = script.replace(/^#!.*\n/, '');
  return `#!/bin/sh\n':' //; exec node ${NODE_FLAGS.join(' ')} "$0" "$@"\n${body}`;
}
