import { child, type Element } from '../../model/xml.ts';

/** The child of this name, made where there is none. Where it stands does not matter: printing puts it in order. */
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

/** Sets it, or takes it away where there is no value. */
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

/** A copy of an element of any document, as a new child. */
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
