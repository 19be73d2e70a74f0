import { type CommandNode, type OptionNode, withAllBelow } from './command-tree.ts';

/** A completion for bash 4 and newer; needs no bash-completion. */
export function bashCompletion(root: CommandNode): string {
  const nodes = withAllBelow(root);
  const [name = ''] = root.path;
  return [
    `# bash completion of ${name}; made by: ${name} completion bash`,
    `_${name}() {`,
    `  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=${name} word`,
    `  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    '    case "$command $word" in',
    `      ${nodes
      .slice(1)
      .map(({ path }) => `'${path.join(' ')}'`)
      .join(' | ')}) command="$command $word" ;;`,
    '    esac',
    '  done',
    '  COMPREPLY=()',
    '  case "$command $previous" in',
    ...nodes.flatMap(valueCases),
    '  esac',
    '  case "$command" in',
    ...nodes.map(
      ({ path, commands, options }) =>
        `    '${path.join(' ')}') mapfile -t COMPREPLY < <(compgen -W '${[
          ...commands.map((each) => each.path.at(-1)),
          ...options.flatMap(({ names }) => names),
        ].join(' ')}' -- "$current") ;;`,
    ),
    '  esac',
    '}',
    // Where a command takes files, bash's default completion applies.
    `complete -o default -F _${name} ${name}`,
    '',
  ].join('\n');
}

/** What follows an option: its choices, a path, or nothing that could be guessed. */
function valueCases({ path, options }: CommandNode): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map(
      (option) =>
        `    ${option.names.map((name) => `'${path.join(' ')} ${name}'`).join(' | ')}) ${[completionOf(option), 'return'].filter((each) => each !== '').join('; ')} ;;`,
    );
}

/** Without choices bash completes files (`-o default`), which is right for paths and harmless for other values. */
function completionOf({ choices }: OptionNode): string {
  return choices.length === 0
    ? ''
    : `mapfile -t COMPREPLY < <(compgen -W '${choices.join(' ')}' -- "$current")`;
}
