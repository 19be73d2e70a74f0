import { stringify } from 'yaml';

/**
 * A YAML file with a comment at its top. Lines are not folded and there are no aliases, so that every expression and
 * list can be read in one place.
 */
export function yamlFile(comment: string, content: unknown): string {
  const head = comment
    .split('\n')
    .map((line) => `# ${line}\n`)
    .join('');
  return head + stringify(content, { lineWidth: 0, aliasDuplicateObjects: false });
}
