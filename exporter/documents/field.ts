/** A field of a mapping. Only dimensions distinguish the documents of one moment. */
export interface Field {
  readonly name: string;
  readonly type: 'date' | 'keyword' | 'long' | 'double' | 'float';
  readonly dimension?: true;
  readonly metric?: 'counter' | 'gauge';
}

const LONG_END = 2 ** 63;

/**
 * Whether a `long` can hold it, for which servers reject the whole document otherwise. No figure is larger, but what a guest
 * says of itself.
 */
export const fitsLong = (value: number): boolean => value >= -LONG_END && value < LONG_END;

export const keyword = (name: string): Field => ({ name, type: 'keyword' });
export const dimension = (name: string): Field => ({ name, type: 'keyword', dimension: true });

/** `kvm1/db01/vda`: host, VM and device in one word, to split a chart by where only one field can be chosen. */
export const PATH: Field = keyword('kvm.path');
