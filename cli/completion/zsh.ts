import { type CommandNode, withAllBelow } from './command-tree.ts';
import { quoted } from './quoted.ts';

/** A completion for zsh 5: a file `_virtune` in a folder of $fpath, or sourced after compinit. */
export function zshCompletion(root: CommandNode): string {
  const nodes = withAllBelow(root);
  const [name = ''] = root.path;
  return [
    `#compdef ${name}`,
    `# zsh completion of ${name}; made by: ${name} completion zsh`,
    `_${name}() {`,
    `  local command=${name} word`,
    '  local -a entries',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: zsh's
    '  for word in "${(@)words[2,CURRENT-1]}"; do',
    '    case "$command $word" in',
    `      ${nodes
      .slice(1)
      .map(({ path }) => `(${quoted(path.join(' '))})`)
      .map((pattern) => `${pattern} command="$command $word" ;;`)
      .join('\n      ')}`,
    '    esac',
    '  done',
    '  case "$command $words[CURRENT-1]" in',
    ...nodes.flatMap(({ path, options }) =>
      options
        .filter(({ takesValue }) => takesValue)
        .map(({ names, choices }) => {
          const patterns = names.map((each) => quoted(`${path.join(' ')} ${each}`)).join('|');
          const values = choices.map(quoted).join(' ');
          return `    (${patterns}) ${values === '' ? '_files' : `compadd -- ${values}`}; return ;;`;
        }),
    ),
    '  esac',
    '  case "$command" in',
    ...nodes.map(({ path, commands, options }) => {
      const entries = [
        ...commands.map((each) => [each.path.at(-1) as string, each.description] as const),
        ...options.flatMap(({ names, description }) => names.map((each) => [each, description] as const)),
      ].map(([word, description]) => quoted(`${word.replaceAll(':', '\\:')}:${description}`));
      return `    (${quoted(path.join(' '))}) entries=(${entries.join(' ')}) ;;`;
    }),
    '  esac',
    `  _describe -o ${name} entries || _files`,
    '}',
    `if [ "$funcstack[1]" = _${name} ]; then _${name} "$@"; else compdef _${name} ${name}; fi`,
    '',
  ].join('\n');
}
