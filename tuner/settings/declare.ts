import { attr, type Element, text } from '../../model/xml.ts';
import { findPath, type PathStep, putAttribute, putText, removePath } from './edit.ts';
import type { LiveChange, Setting, SettingScope } from './setting.ts';
import { targetElement } from './targets.ts';

interface Common {
  readonly id: string;
  readonly title: string;
  readonly on: Extract<SettingScope, 'domain' | 'disk' | 'controller' | 'nic'>;
  /** Starting at the domain, or at the disk, controller or NIC. */
  readonly path: readonly PathStep[];
  /** Converts the XML's text to its canonical form; undefined if that means not set. */
  readonly canonical?: ((text: string) => string | undefined) | undefined;
  readonly live?: ((change: LiveChange) => ReturnType<NonNullable<Setting['live']>>) | undefined;
}

const asIs = (value: string): string => value;

/** A setting stored in one attribute. */
export function attributeSetting(declared: Common & { readonly attribute: string }): Setting {
  const { id, title, on, path, attribute, canonical = asIs, live } = declared;
  return {
    id,
    title,
    on,
    read: (domain, target) => {
      const value = attr(findPath(targetElement(domain, on, target), path), attribute);
      return value === undefined ? undefined : canonical(value);
    },
    write: (domain, target, value) => {
      const from = targetElement(domain, on, target);
      if (from !== undefined) putAttribute(from, path, attribute, value);
    },
    ...(live && { live }),
  };
}

/** A setting stored as the text of one element. */
export function textSetting(declared: Common): Setting {
  const { id, title, on, path, canonical = asIs, live } = declared;
  return {
    id,
    title,
    on,
    read: (domain, target) => {
      const value = text(findPath(targetElement(domain, on, target), path));
      return value === undefined ? undefined : canonical(value);
    },
    write: (domain, target, value) => {
      const from = targetElement(domain, on, target);
      if (from !== undefined) putText(from, path, value);
    },
    ...(live && { live }),
  };
}

/** A setting stored as the presence of an element: `yes`, or not set. */
export function flagSetting(declared: Omit<Common, 'canonical' | 'live'>): Setting {
  const { id, title, on, path } = declared;
  return custom({
    id,
    title,
    on,
    path,
    read: (element) => (element === undefined ? undefined : 'yes'),
    write: (from, value) => {
      if (value === undefined) removePath(from, path);
      else putText(from, path, '');
    },
  });
}

/** A setting with custom reading and writing of its element. */
export function custom(
  declared: Omit<Common, 'canonical'> & {
    readonly read: (element: Element | undefined) => string | undefined;
    readonly write: (from: Element, value: string | undefined) => void;
  },
): Setting {
  const { id, title, on, path, read, write, live } = declared;
  return {
    id,
    title,
    on,
    read: (domain, target) => read(findPath(targetElement(domain, on, target), path)),
    write: (domain, target, value) => {
      const from = targetElement(domain, on, target);
      if (from !== undefined) write(from, value);
    },
    ...(live && { live }),
  };
}
