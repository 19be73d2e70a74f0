/** A field of a mapping. Only dimensions distinguish documents with the same timestamp. */
export interface Field {
  readonly name: string;
  readonly type: 'date' | 'keyword' | 'long' | 'double' | 'float';
  readonly dimension?: true;
  readonly metric?: 'counter' | 'gauge';
}

const LONG_END = 2 ** 63;

/**
 * Whether it fits a `long`; otherwise servers reject the whole document. Only figures reported by a guest can be
 * larger.
 */
export const fitsLong = (value: number): boolean => value >= -LONG_END && value < LONG_END;

export const keyword = (name: string): Field => ({ name, type: 'keyword' });
export const dimension = (name: string): Field => ({ name, type: 'keyword', dimension: true });

/** `kvm1/db01/vda`: host, VM and device as one field, to split charts that can split by one field only. */
export const PATH: Field = keyword('kvm.path');
