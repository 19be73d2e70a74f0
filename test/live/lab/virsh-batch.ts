import { run } from './run.ts';

const END = '==end-of-answer==';

/** Output of virsh for each of these commands, from a single process: starting one costs more than a query. */
export function virshAll(commands: readonly (readonly string[])[]): string[] {
  if (commands.length === 0) return [];
  const script = commands.map((command) => `${command.map(quoted).join(' ')}; echo ${END}`).join('; ');
  const printed = run('virsh', ['-q', script]);
  return printed.split(END).slice(0, commands.length);
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
