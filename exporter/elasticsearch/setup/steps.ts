import { isObject } from '../../../model/is-object.ts';
import { foreign, notPermitted, refused } from '../answer.ts';
import type { SearchClient } from '../client.ts';
import type { SearchError } from '../search-error.ts';

/** A required state of the server, and how to get there. */
export interface Step {
  readonly what: string;
  readonly change: 'none' | 'create' | 'update' | 'roll over' | 'skip';
  /** Why, if not obvious. */
  readonly why?: string | undefined;
  readonly apply?: (() => Promise<void>) | undefined;
}

export function metaOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const meta = isObject(value) ? value['_meta'] : undefined;
  return isObject(meta) ? meta : undefined;
}

/** @throws SearchError */
export async function put(
  client: SearchClient,
  path: string,
  body: Readonly<Record<string, unknown>>,
  what: string,
  query?: Readonly<Record<string, string>>,
): Promise<void> {
  const answer = await client.request({ method: 'PUT', path, body, query });
  if (answer.status < 200 || answer.status > 299) throw denied(`to store the ${what}`, answer);
}

export function denied(what: string, answer: Parameters<typeof refused>[1]): SearchError {
  if (answer.status === 401 || answer.status === 403) return notPermitted(answer);
  return foreign(answer) ?? refused(what, answer);
}
