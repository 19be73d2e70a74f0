import { isObject } from '../../model/is-object.ts';
import { serverText } from '../server-text.ts';
import { describeWebPage, isWebPage, proxyAdvice, redirectTarget } from '../web-page.ts';
import type { SearchResponse } from './client.ts';
import { SearchError } from './search-error.ts';
import { isBlock, UNBLOCK } from './write-block.ts';

const TEXT_MAX = 500;
/** For one document: it may list the time range of every index of its stream. */
const REASON_MAX = 16_000;

/** The first template in the body of `GET _index_template`, without its name. */
export function firstTemplate(body: unknown): unknown {
  const list = isObject(body) ? body['index_templates'] : undefined;
  const first: unknown = Array.isArray(list) ? list[0] : undefined;
  return isObject(first) ? first['index_template'] : undefined;
}

/** Type and reason of an `error` in an answer, truncated. */
export function reasonText(error: Readonly<Record<string, unknown>>): string {
  const [type, reason] = [serverText(error['type'], TEXT_MAX), serverText(error['reason'], REASON_MAX)];
  return `${type || 'error'}: ${reason || 'no reason given'}`;
}

/** JSON.stringify throws if nesting is too deep. */
function jsonOf(body: unknown): string {
  try {
    return JSON.stringify(body ?? null);
  } catch {
    return 'JSON that is nested too deeply';
  }
}

/** The server's reason, truncated; for a web page its title: proxies and logins answer with one. */
export function reasonOf({ body }: Pick<SearchResponse, 'body'>): string {
  const error = isObject(body) ? body['error'] : undefined;
  if (isObject(error)) return reasonText(error);
  if (typeof error === 'string') return serverText(error, TEXT_MAX);
  if (typeof body !== 'string') return serverText(jsonOf(body), TEXT_MAX);
  return isWebPage(body) ? describeWebPage(body) : serverText(body, TEXT_MAX);
}

/**
 * The error for an answer that cannot come from a search server: a redirect, or text instead of JSON. Undefined if it
 * may be a search server's, whatever its status; gateways' 502, 503 and 504 count as such, since they speak for a
 * server that is down.
 */
export function foreign(answer: SearchResponse): SearchError | undefined {
  const { node, status, headers, body } = answer;
  const next = proxyAdvice('the search server');
  if (status >= 300 && status < 400) {
    const to = redirectTarget(headers['location']);
    return new SearchError('SEARCH_ANSWER', node, `got a redirect to ${to} (${status}); ${next}`);
  }
  if (status >= 500 || status === 401 || status === 403 || status === 429) return undefined;
  // A search server gives a reason; a 400 without one comes from a gateway, and says nothing about a document.
  const isUnexplained = status === 400 && !(isObject(body) && body['error'] !== undefined);
  if (status === 407 || isUnexplained || (typeof body === 'string' && body.trim() !== '')) {
    return new SearchError('SEARCH_ANSWER', node, `got ${status} with ${reasonOf(answer)}; ${next}`);
  }
  return undefined;
}

/** For 401 and 403: a missing permission, or a write block, which has the same status. */
export function notPermitted(answer: SearchResponse): SearchError {
  const { node } = answer;
  const reason = reasonOf(answer);
  if (isBlock(reason)) {
    return new SearchError(
      'SEARCH_BLOCKED',
      node,
      `writes are blocked on the server (${reason}); ${UNBLOCK}`,
    );
  }
  const proxy =
    typeof answer.body === 'string' && isWebPage(answer.body) ? ', or the proxy that answers' : '';
  return new SearchError(
    'SEARCH_PERMISSION',
    node,
    `the server denies access (${answer.status}: ${reason}); check the API key or user and its privileges${proxy}`,
  );
}

/** For any other unexpected status. @param what the purpose of the request, such as "for its version" */
export function refused(what: string, answer: SearchResponse): SearchError {
  const { node, status } = answer;
  const refusal = `the server answered ${status} to the request ${what} (${reasonOf(answer)})`;
  if (status === 429 || status === 503) {
    const next = 'it is overloaded or not ready; check the health and load of the server';
    return new SearchError('SEARCH_BUSY', node, `${refusal}; ${next}`);
  }
  const next =
    status >= 500
      ? 'check the server, its log, and proxies in front of it'
      : 'check the address, and the log of the server';
  return new SearchError('SEARCH_REFUSED', node, `${refusal}; ${next}`);
}
