import { createTwoFilesPatch } from 'diff';
import { domainTreeXml, outlinedXml, parseDomainTree } from '../../model/domain/domain-tree.ts';
import type { Element } from '../../model/xml.ts';
import type { DomainView } from '../facts/facts.ts';
import type { Wish } from '../settings/setting.ts';

export interface DefinitionChange {
  /** As returned by libvirt, and so what an undo restores. */
  readonly before: string;
  /** The XML to define. */
  readonly after: string;
  /** Unified diff of the two, limited to what changes. */
  readonly diff: string;
}

/** The definition with these wishes and the mark applied. */
export function changeDefinition(
  inactive: DomainView,
  wishes: readonly Wish[],
  mark: (root: Element) => void,
): DefinitionChange {
  const edited = parseDomainTree('the definition', inactive.xml);
  for (const { setting, target, value } of wishes) setting.write(edited, target, value);
  mark(edited);
  // Both go through the same serializer, else every line would differ in its quotes.
  const diff = unifiedDiff(`${outlinedXml(inactive.root)}\n`, `${outlinedXml(edited)}\n`);
  return { before: inactive.xml, after: `${domainTreeXml(edited)}\n`, diff };
}

/** Graphics passwords may appear next to changed lines; no setting here is a password. */
const withoutSecrets = (xml: string): string => xml.replaceAll(/ passwd="[^"]*"/g, ' passwd="..."');

function unifiedDiff(before: string, after: string): string {
  const [old, now] = [withoutSecrets(before), withoutSecrets(after)];
  const patch = createTwoFilesPatch('now (next boot)', 'wanted', old, now, undefined, undefined, {
    context: 2,
  });
  return patch.replace(/^=+\n/, '');
}
