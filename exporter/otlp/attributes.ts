import type { LabelFormat } from '../series/label-format.ts';

/** The attributes of a point, and a key that is unique for them. */
export interface PointLabels {
  readonly key: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Labels of the catalogue as attributes of the same names. */
export const ATTRIBUTES: LabelFormat<PointLabels> = {
  none: { key: '', attributes: {} },
  with: ({ key, attributes }, name, value) => ({
    // The length makes the key unambiguous, whatever a VM's name contains.
    key: `${key}${name}=${value.length}:${value},`,
    attributes: { ...attributes, [name]: value },
  }),
};
