import { type CommandNode, withAllBelow } from '../cli/completion/command-tree.ts';

const SECTION = 1;

/**
 * One manual page per command, by file name: `virtune.1`, `virtune-tune-plan.1`.
 * @param dateSeconds since 1970: the date in the footer
 */
export function manualPages(
  root: CommandNode,
  version: string,
  dateSeconds: number,
): ReadonlyMap<string, string> {
  const date = new Date(dateSeconds * 1_000).toISOString().slice(0, 10);
  const nodes = withAllBelow(root);
  return new Map(
    nodes.map((node) => {
      const title = titleOf(node);
      const parent = nodes.find(({ commands }) => commands.includes(node));
      return [
        `${title}.${SECTION}`,
        [
          `.TH ${title.toUpperCase()} ${SECTION} ${date} "virtune ${version}"`,
          '.SH NAME',
          `${roff(title)} \\- ${roff(node.description)}`,
          '.SH SYNOPSIS',
          `.B ${roff(node.path.join(' '))}`,
          roff(node.usage),
          ...section(
            'COMMANDS',
            node.commands.flatMap((each) => [
              '.TP',
              `.BR ${roff(titleOf(each))} (${SECTION})`,
              roff(each.description),
            ]),
          ),
          ...section(
            'OPTIONS',
            node.options.flatMap(({ flags, description }) => ['.TP', `.B ${roff(flags)}`, roff(description)]),
          ),
          '.SH SEE ALSO',
          ...(parent === undefined ? [] : [`.BR ${roff(titleOf(parent))} (${SECTION}),`]),
          'https://github.com/virtune/virtune',
          '',
        ].join('\n'),
      ] as const;
    }),
  );
}

const titleOf = ({ path }: CommandNode): string => path.join('-');

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`.SH ${title}`, ...lines];
}

/** Escapes a line for roff: a backslash, a hyphen and a leading dot are special (groff_char(7)). */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/\s+/g, ' ')
    .replace(/^(?=[.'])/, '\\&');
}
