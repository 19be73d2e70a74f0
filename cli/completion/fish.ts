import { type CommandNode, withAllBelow } from './command-tree.ts';
import { fishQuoted } from './quoted.ts';

/** A completion for fish 3: a file in ~/.config/fish/completions. */
export function fishCompletion(root: CommandNode): string {
  const nodes = withAllBelow(root);
  const [name = ''] = root.path;
  const paths = nodes.slice(1).map(({ path }) => fishQuoted(path.join(' ')));
  return [
    `# fish completion of ${name}; made by: ${name} completion fish`,
    `function __${name}_command`,
    `  set -l command ${name}`,
    '  set -l words (commandline -opc)',
    '  for word in $words[2..-1]',
    `    if contains -- "$command $word" ${paths.join(' ')}`,
    '      set command "$command $word"',
    '    end',
    '  end',
    '  test "$command" = "$argv[1]"',
    'end',
    ...nodes.flatMap(({ path, commands, options }) => {
      const start = `complete -c ${name} -n ${fishQuoted(`__${name}_command ${fishQuoted(path.join(' '))}`)}`;
      return [
        ...commands.map((each) => `${start} -f -a ${each.path.at(-1)} -d ${fishQuoted(each.description)}`),
        ...options.map(({ names, description, takesValue, isPath, choices }) => {
          const flags = names.map((each) =>
            each.startsWith('--') ? `-l ${each.slice(2)}` : `-s ${each.slice(1)}`,
          );
          // -r: takes a value; -f: the value is not a file.
          const value = takesValue ? (isPath ? ' -r' : ' -r -f') : '';
          const values = choices.length > 0 ? ` -a ${fishQuoted(choices.join(' '))}` : '';
          return `${start} ${flags.join(' ')}${value}${values} -d ${fishQuoted(description)}`;
        }),
      ];
    }),
    '',
  ].join('\n');
}
