import { stringify } from 'yaml';

/** A YAML file that says where it comes from. Lines are not folded and nothing is an alias: each
 * expression and each list stays in one piece, where it is read. */
export function yamlFile(comment: string, content: unknown): string {
  const head = comment
    .split('\n')
    .map((line) => `# ${line}\n`)
    .join('');
  return head + stringify(content, { lineWidth: 0, aliasDuplicateObjects: false });
}
