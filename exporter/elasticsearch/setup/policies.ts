import { isObject } from '../../../model/is-object.ts';
import type { SearchClient } from '../client.ts';
import { ilmPolicy, ismPolicy, type Lifecycle, POLICY } from './lifecycle.ts';
import { denied, metaOf, put, type Step } from './steps.ts';
import { fingerprintOf } from './templates.ts';

/** The policy, if the lifecycle needs one besides the templates. */
export async function policySteps(client: SearchClient, lifecycle: Lifecycle): Promise<Step[]> {
  switch (lifecycle.kind) {
    case 'stream':
    case 'none':
      return [];
    case 'ilm':
      return [await ilmStep(client, ilmPolicy(lifecycle))];
    case 'ism':
      return [await ismStep(client, ismPolicy(lifecycle))];
  }
}

async function ilmStep(client: SearchClient, policy: Record<string, unknown>): Promise<Step> {
  const what = `lifecycle policy ${POLICY}`;
  const path = `/_ilm/policy/${POLICY}`;
  const answer = await client.request({ method: 'GET', path });
  if (answer.status !== 200 && answer.status !== 404) throw denied(`for the ${what}`, answer);
  const known = isObject(answer.body) ? answer.body[POLICY] : undefined;
  const fingerprint = fingerprintOf(policy);
  const isThere = answer.status === 200 && isObject(known);
  if (isThere && metaOf(known['policy'])?.['fingerprint'] === fingerprint) return { what, change: 'none' };
  const body = { policy: { ...policy, _meta: { managed_by: 'virtune', fingerprint } } };
  return { what, change: isThere ? 'update' : 'create', apply: () => put(client, path, body, what) };
}

async function ismStep(client: SearchClient, policy: Record<string, unknown>): Promise<Step> {
  const what = `state management policy ${POLICY}`;
  const path = `/_plugins/_ism/policies/${POLICY}`;
  const answer = await client.request({ method: 'GET', path });
  // A server without the plugin answers 400 or 405 for this path.
  if (answer.status === 400 || answer.status === 405) {
    return {
      what,
      change: 'skip',
      why: 'the server has no index state management: streams are not rolled over and old documents are not deleted',
    };
  }
  if (answer.status !== 200 && answer.status !== 404) throw denied(`for the ${what}`, answer);
  const known = answer.status === 200 && isObject(answer.body) ? answer.body : undefined;
  const description = `virtune ${fingerprintOf(policy)}`;
  const knownPolicy = known?.['policy'];
  if (isObject(knownPolicy) && knownPolicy['description'] === description) return { what, change: 'none' };
  // An update must name the version that it replaces.
  const query: Record<string, string> =
    known === undefined
      ? {}
      : { if_seq_no: String(known['_seq_no']), if_primary_term: String(known['_primary_term']) };
  return {
    what,
    change: known === undefined ? 'create' : 'update',
    apply: () => put(client, path, { policy: { description, ...policy } }, what, query),
  };
}
