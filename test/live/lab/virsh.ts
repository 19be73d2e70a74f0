import { run } from './run.ts';

export function virsh(...args: string[]): string {
  return run('virsh', ['-q', ...args]);
}

/** `virsh domstats` of one domain, field to value as printed. */
export function domstats(name: string): Map<string, string> {
  return fields(virsh('domstats', name), '=');
}

/** `virsh dommemstat`, tag to value. */
export function dommemstat(name: string): Map<string, string> {
  return fields(virsh('dommemstat', name), ' ');
}

function fields(text: string, separator: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.trim().indexOf(separator);
    if (at > 0) found.set(line.trim().slice(0, at), line.trim().slice(at + 1));
  }
  return found;
}
