/** A field of a mapping. Only dimensions distinguish the documents of one moment. */
export interface Field {
  readonly name: string;
  readonly type: 'date' | 'keyword' | 'long' | 'double';
  readonly dimension?: true;
  readonly metric?: 'counter' | 'gauge';
}

export const keyword = (name: string): Field => ({ name, type: 'keyword' });
export const dimension = (name: string): Field => ({ name, type: 'keyword', dimension: true });
