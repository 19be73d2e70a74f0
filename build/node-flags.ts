/**
 * What Node.js is started with. The young generation of V8's heap begins with 2 x 1 MiB, and V8 takes it back to that
 * while little is allocated, as between two scrapes: an exporter then collects it seven times in each. Its least size can be
 * given at the start of a process only; cli/small-heap.ts sets what can be set later.
 */
export const NODE_FLAGS: readonly string[] = ['--min-semi-space-size=4'];

/**
 * A script of Node.js that starts Node.js with these flags. A line with `#!` takes one argument, and not every `env` splits
 * it: so a shell reads the second line, in which JavaScript sees a string and a comment.
 */
export function withFlags(script: string): string {
  const body = script.replace(/^#!.*\n/, '');
  return `#!/bin/sh\n':' //; exec node ${NODE_FLAGS.join(' ')} "$0" "$@"\n${body}`;
}
