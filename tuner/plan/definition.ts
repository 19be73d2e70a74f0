import { XMLSerializer } from '@xmldom/xmldom';
import { createTwoFilesPatch } from 'diff';
import { type Element, parseXml } from '../../model/xml.ts';
import type { DomainView } from '../facts/facts.ts';
import type { Wish } from '../settings/setting.ts';

export interface DefinitionChange {
  /** What libvirt gave, and so what an undo gives back. */
  readonly before: string;
  /** What it is to define. */
  readonly after: string;
  /** From one to the other, with nothing in it but what changes. */
  readonly diff: string;
}

/** The definition with these wishes and the mark written into it. */
export function changeDefinition(
  inactive: DomainView,
  wishes: readonly Wish[],
  mark: (root: Element) => void,
): DefinitionChange {
  const edited = parseXml('the definition', inactive.xml, 'domain');
  for (const { setting, target, value } of wishes) setting.write(edited, target, value);
  mark(edited);
  // Both through the same serializer, or each line would differ in its quotes.
  const before = text(inactive.root);
  const after = text(edited);
  return { before: inactive.xml, after, diff: unifiedDiff(before, after) };
}

const text = (root: Element): string => `${new XMLSerializer().serializeToString(root)}\n`;

/** Passwords of graphics may stand beside what changes; nothing that is set here is one. */
const withoutSecrets = (xml: string): string => xml.replaceAll(/ passwd="[^"]*"/g, ' passwd="..."');

function unifiedDiff(before: string, after: string): string {
  const [old, now] = [withoutSecrets(before), withoutSecrets(after)];
  const patch = createTwoFilesPatch('now (next boot)', 'wanted', old, now, undefined, undefined, {
    context: 2,
  });
  return patch.replace(/^=+\n/, '');
}
