import { child, type Element } from '../../model/xml.ts';

/** Finds or creates the descendant at this path. Its position does not matter, since formatting sorts. */
export function ensure(parent: Element, ...path: readonly string[]): Element {
  return path.reduce((at, name) => child(at, name) ?? add(at, name), parent);
}

export function add(
  parent: Element,
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>> = {},
  text?: string | number,
): Element {
  const made = documentOf(parent).createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(key, String(value));
  }
  if (text !== undefined) made.appendChild(documentOf(parent).createTextNode(String(text)));
  parent.appendChild(made);
  return made;
}

export function setText(element: Element, text: string | number): void {
  element.textContent = String(text);
}

/** Sets the attribute, or removes it when the value is undefined. */
export function setAttr(element: Element, name: string, value: string | number | undefined): void {
  if (value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, String(value));
}

export function defaultAttr(element: Element, name: string, value: string | number): void {
  if (!element.hasAttribute(name)) element.setAttribute(name, String(value));
}

export function remove(element: Element | undefined): void {
  element?.parentNode?.removeChild(element);
}

/** Appends a copy of an element, possibly from another document. */
export function adopt(parent: Element, element: Element): Element {
  const copy = documentOf(parent).importNode(element, true);
  parent.appendChild(copy);
  return copy;
}

function documentOf(element: Element): NonNullable<Element['ownerDocument']> {
  const { ownerDocument } = element;
  if (ownerDocument === null) throw new Error(`<${element.nodeName}> does not belong to a document`);
  return ownerDocument;
}
