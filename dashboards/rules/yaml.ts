import { stringify } from 'yaml';

/** A YAML file that says where it comes from. Lines are not folded: an expression stays in one piece. */
export function yamlFile(comment: string, content: unknown): string {
  const head = comment
    .split('\n')
    .map((line) => `# ${line}\n`)
    .join('');
  return head + stringify(content, { lineWidth: 0 });
}
