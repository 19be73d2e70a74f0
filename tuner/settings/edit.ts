import { children, type Element } from '../../model/xml.ts';

const TEXT_NODE = 3;
const STEP = '  ';

/** A child by name, and by one attribute if several may share the name: `timer` with `name='hpet'`. */
export interface Named {
  readonly name: string;
  readonly with: readonly [attribute: string, value: string];
}
export type PathStep = string | Named;

/**
 * libvirt's order of children, for the parents where order helps readers of a diff; libvirt accepts any. A child that
 * is not listed is appended.
 */
const ORDER: Readonly<Record<string, readonly string[]>> = {
  domain: [
    'name uuid genid title description metadata maxMemory memory currentMemory blkiotune memtune memoryBacking',
    'vcpu vcpus iothreads iothreadids defaultiothread cputune numatune resource bootloader os features cpu clock',
    'on_poweroff on_reboot on_crash pm perf devices seclabel',
  ].flatMap((line) => line.split(' ')),
  disk: ['driver', 'auth', 'source', 'backingStore', 'mirror', 'target', 'iotune'],
  interface: ['mac', 'source', 'vlan', 'virtualport', 'bandwidth', 'target', 'guest', 'model', 'driver'],
  cputune: [
    'shares period quota global_period global_quota emulator_period emulator_quota iothread_period iothread_quota',
    'vcpupin emulatorpin iothreadpin emulatorsched vcpusched iothreadsched cachetune memorytune',
  ].flatMap((line) => line.split(' ')),
  cpu: ['model', 'vendor', 'topology', 'cache', 'maxphysaddr', 'feature', 'numa'],
};

const nameOf = (step: PathStep): string => (typeof step === 'string' ? step : step.name);

function findStep(parent: Element | undefined, step: PathStep): Element | undefined {
  return children(parent, nameOf(step)).find(
    (element) => typeof step === 'string' || element.getAttribute(step.with[0]) === step.with[1],
  );
}

/** The element at this path; undefined if missing. */
export function findPath(from: Element | undefined, path: readonly PathStep[]): Element | undefined {
  return path.reduce<Element | undefined>((at, step) => findStep(at, step), from);
}

/** The element at this path, created if missing. */
export function ensurePath(from: Element, path: readonly PathStep[]): Element {
  return path.reduce((at, step) => findStep(at, step) ?? append(at, step), from);
}

/** Adds a child, indented like its neighbours. */
export function append(parent: Element, step: PathStep): Element {
  const document = parent.ownerDocument;
  if (document === null) throw new TypeError(`<${parent.nodeName}> does not belong to a document`);
  const element = document.createElement(nameOf(step));
  if (typeof step !== 'string') element.setAttribute(...step.with);
  const next = nextInOrder(parent, nameOf(step));
  if (next !== undefined) {
    const before = blankBefore(next);
    parent.insertBefore(element, next);
    if (before !== '') parent.insertBefore(document.createTextNode(before), next);
    return element;
  }
  const [closing, opening] = blanks(parent);
  const last = parent.lastChild;
  if (last?.nodeType === TEXT_NODE && last.nodeValue?.trim() === '') parent.removeChild(last);
  if (opening !== '') parent.appendChild(document.createTextNode(opening));
  parent.appendChild(element);
  if (closing !== '') parent.appendChild(document.createTextNode(closing));
  return element;
}

/** Whitespace before the parent's end tag, and before each of its children. */
function blanks(parent: Element): [closing: string, opening: string] {
  const first = children(parent)[0];
  if (first !== undefined) return [blankAfterLast(parent), blankBefore(first)];
  const own = blankBefore(parent);
  return [own, own === '' ? '' : own + STEP];
}

function blankAfterLast(parent: Element): string {
  const last = parent.lastChild;
  return last?.nodeType === TEXT_NODE && last.nodeValue?.trim() === '' ? (last.nodeValue ?? '') : '';
}

function blankBefore(element: Element): string {
  const before = element.previousSibling;
  return before?.nodeType === TEXT_NODE && before.nodeValue?.trim() === '' ? (before.nodeValue ?? '') : '';
}

function nextInOrder(parent: Element, name: string): Element | undefined {
  const order = ORDER[parent.nodeName];
  const place = order?.indexOf(name) ?? -1;
  if (order === undefined || place < 0) return undefined;
  const later = new Set(order.slice(place + 1));
  return children(parent).find((sibling) => later.has(sibling.nodeName));
}

/** Removes it with the whitespace before it; a parent left with only whitespace becomes empty. */
export function remove(element: Element): void {
  const parent = element.parentNode;
  if (parent === null) return;
  const before = element.previousSibling;
  if (before?.nodeType === TEXT_NODE && before.nodeValue?.trim() === '') parent.removeChild(before);
  parent.removeChild(element);
  const [only] = parent.childNodes;
  if (parent.childNodes.length === 1 && only?.nodeType === TEXT_NODE && only.nodeValue?.trim() === '') {
    parent.removeChild(only);
  }
}

/**
 * Removes the last element of the path if it is now empty, then the one above, up to `from`. The attribute that
 * identifies it in the path (`name='hpet'`) does not count, nor does what libvirt adds to an empty element.
 */
export function prune(from: Element, path: readonly PathStep[]): void {
  for (let length = path.length; length > 0; length--) {
    const element = findPath(from, path.slice(0, length));
    if (element === undefined) continue;
    if (!isEmptyElement(element, path[length - 1])) return;
    remove(element);
  }
}

function isEmptyElement(element: Element, step: PathStep | undefined): boolean {
  const key = typeof step === 'object' ? step.with[0] : undefined;
  const attributes = [...element.attributes].filter(
    ({ name, value }) =>
      name !== key && !(element.nodeName === 'hyperv' && name === 'mode' && value === 'custom'),
  );
  return (
    attributes.length === 0 && (element.textContent ?? '').trim() === '' && children(element).length === 0
  );
}

/** Sets the attribute at the end of a path, or removes it together with elements left empty. */
export function putAttribute(
  from: Element,
  path: readonly PathStep[],
  attribute: string,
  value: string | undefined,
): void {
  if (value !== undefined) {
    ensurePath(from, path).setAttribute(attribute, value);
    return;
  }
  const element = findPath(from, path);
  if (element === undefined || !element.hasAttribute(attribute)) return;
  element.removeAttribute(attribute);
  prune(from, path);
}

/** Sets the text of the element at the end of a path, or removes it together with elements left empty. */
export function putText(
  from: Element,
  path: readonly PathStep[],
  value: string | undefined,
): Element | undefined {
  if (value !== undefined) {
    const element = ensurePath(from, path);
    element.textContent = value;
    return element;
  }
  removePath(from, path);
  return undefined;
}

/** Removes the element at the end of a path, and parents left empty. */
export function removePath(from: Element, path: readonly PathStep[]): void {
  const element = findPath(from, path);
  if (element === undefined) return;
  remove(element);
  prune(from, path.slice(0, -1));
}
