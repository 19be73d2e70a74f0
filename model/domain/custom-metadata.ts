import xpath from 'xpath';
import { ConfigError } from '../config-error.ts';
import { labelText } from '../label-text.ts';
import { type Element, parseXml } from '../xml.ts';

/**
 * Reads user-defined labels from a domain's XML. A time-limited reader calls `onLate` when that takes too long, and
 * returns no labels.
 */
export type MetadataReader = (domain: Element, onLate?: () => void) => ReadonlyMap<string, string>;

/** Labels that virtune puts on every series, and those that Prometheus reserves. */
const RESERVED = /^(domain|__.*)$/;
const LABELS_MAX = 20;

/**
 * Compiles XPath expressions by label. Each is evaluated at the domain element; the label's value is the text of the
 * first node, or the string, number or boolean that the expression yields. No match, no label.
 * @throws ConfigError that names the label whose expression is wrong
 */
export function compileMetadata(
  labels: Readonly<Record<string, string>>,
  namespaces: Readonly<Record<string, string>> = {},
): MetadataReader {
  const names = Object.keys(labels);
  if (names.length > LABELS_MAX)
    throw new ConfigError(`${names.length} labels; at most ${LABELS_MAX} are allowed`);
  const resolver = {
    lookupNamespaceURI: (prefix: string | null) => (prefix === null ? null : (namespaces[prefix] ?? null)),
  };
  const evaluate = (expression: string, at: Element): string =>
    // The package's types expect DOM nodes of a browser; these are xmldom's, which it is made for.
    String(xpath.selectWithResolver(`string(${expression})`, at as unknown as Node, resolver));
  // An error on one domain's XML costs that domain this label, not all of its facts.
  const evaluateOrNothing = (expression: string, at: Element): string => {
    try {
      return evaluate(expression, at);
    } catch {
      return '';
    }
  };
  const nothing = parseXml('nothing', '<domain/>', 'domain');
  for (const [label, expression] of Object.entries(labels)) {
    if (RESERVED.test(label)) throw new ConfigError(`the label ${label} is reserved; choose another name`);
    try {
      evaluate(expression, nothing);
    } catch (error) {
      throw new ConfigError(
        `${label}: ${JSON.stringify(expression)} is not a valid XPath expression: ${(error as Error).message}`,
      );
    }
  }
  return (domain) => {
    const found = new Map<string, string>();
    for (const [label, expression] of Object.entries(labels)) {
      const value = labelText(evaluateOrNothing(expression, domain));
      if (value !== undefined) found.set(label, value);
    }
    return found;
  };
}
