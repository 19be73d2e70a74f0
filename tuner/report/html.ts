import { terminalText } from '../../model/terminal-text.ts';

/** Text that is already HTML. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Value = Markup | string | number | readonly Value[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * HTML or SVG that escapes everything inserted, for elements and quoted attributes, unless it is `Markup`. Names of VMs
 * are hostile: characters that hide, reorder or control text are written out, as on a terminal.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(
    strings.map((text, at) => (at === 0 ? text : markupOf(values[at - 1] ?? '') + text)).join(''),
  );
}

function markupOf(value: Value): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string')
    return terminalText(value).replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? '');
  return value.map(markupOf).join('');
}
