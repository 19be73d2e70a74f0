import { children, type Element } from '../../model/xml.ts';
import { CallFailure } from '../call-failure.ts';
import { knows, type Release } from '../release.ts';
import { remove } from './edit.ts';
import { shapeOf } from './shape.ts';
import type { Shape } from './shape-words.ts';

const XML_ERROR = 27;
const XML_INVALID_SCHEMA = 92;
const FROM_CONF = 5;

export interface ShapeOptions {
  readonly release: Release;
  /** VIR_DOMAIN_DEFINE_VALIDATE: what is not in the schema is an error. Without it, libvirt ignores it. */
  readonly validate: boolean;
}

/**
 * Rejects invalid attribute values and, with `validate`, everything that is not in the schema of this release. Without
 * it, what is newer than the release is removed here, and the formatter removes what is in no release.
 * @throws CallFailure 92 or 27.
 */
export function checkShape(domain: Element, options: ShapeOptions): void {
  check(domain, '', options);
}

function check(element: Element, parent: string, options: ShapeOptions): void {
  const name = element.nodeName;
  if (name.includes(':') || (name === 'metadata' && parent === 'domain')) return;
  const { validate: schema, release } = options;
  const shape = shapeOf(parent, name);
  const isNewer = (word: string): boolean => !knows(release, shape?.since?.[word]);
  for (const { name: attribute, value } of [...element.attributes]) {
    if (attribute.startsWith('xmlns')) continue;
    if (isNewer(attribute)) {
      if (schema) throw invalidSchema(parent === '' ? name : parent);
      element.removeAttribute(attribute);
      continue;
    }
    const values = shape?.attributes?.[attribute];
    const known = shape === undefined || shape.open === true || attribute in (shape.attributes ?? {});
    const misfit =
      values === undefined ? false : values instanceof RegExp ? !values.test(value) : !values.includes(value);
    if (schema && (!known || misfit)) throw invalidSchema(parent === '' ? name : parent);
    if (misfit && !(values instanceof RegExp)) {
      throw new CallFailure(
        XML_ERROR,
        `XML error: Invalid value for attribute '${attribute}' in element '${name}': '${value}'.`,
        FROM_CONF,
      );
    }
  }
  if (schema && shape !== undefined && !isWhole(element, shape)) throw invalidSchema(name);
  for (const each of children(element)) {
    if (isNewer(each.nodeName)) {
      if (schema) throw invalidSchema(name);
      remove(each);
      continue;
    }
    const listed = shape?.children?.includes(each.nodeName) === true || each.nodeName.includes(':');
    if (schema && shape !== undefined && shape.open !== true && !listed) throw invalidSchema(name);
    // What is dropped is not checked.
    if (shape === undefined || shape.open === true || listed) check(each, name, options);
  }
}

/** Schema rules on an element as a whole, rather than on an attribute. */
function isWhole(element: Element, { once, excludes, needs, text }: Shape): boolean {
  const names = children(element).map(({ nodeName }) => nodeName);
  if (once?.some((each) => names.indexOf(each) !== names.lastIndexOf(each)) === true) return false;
  const clash = Object.entries(excludes ?? {}).some(
    ([one, others]) => names.includes(one) && others.some((other) => names.includes(other)),
  );
  if (clash || text?.test(element.textContent ?? '') === false) return false;
  if (needs === undefined) return true;
  const [attribute, values, needed] = needs;
  return !values.includes(element.getAttribute(attribute) ?? '') || element.hasAttribute(needed);
}

function invalidSchema(element: string): CallFailure {
  return new CallFailure(
    XML_INVALID_SCHEMA,
    `XML document failed to validate against schema: Unable to validate doc against /usr/share/libvirt/schemas/domain.rng\nExtra element ${element} in interleave\nElement domain failed to validate content\n`,
    FROM_CONF,
  );
}
