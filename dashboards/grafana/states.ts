import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';

/** Names of virDomainState. */
const DOMAIN: readonly (readonly [state: number, word: string, color: string])[] = [
  [0, 'no state', 'text'],
  [1, 'running', 'green'],
  [2, 'blocked', 'green'],
  [3, 'paused', 'orange'],
  [4, 'shutting down', 'text'],
  [5, 'shut off', 'text'],
  [6, 'crashed', 'red'],
  [7, 'suspended', 'orange'],
];

/** Names of virStoragePoolState. */
const POOL: readonly (readonly [state: number, word: string, color: string])[] = [
  [0, 'inactive', 'orange'],
  [1, 'building', 'text'],
  [2, 'running', 'green'],
  [3, 'degraded', 'orange'],
  [4, 'inaccessible', 'red'],
];

/** Maps libvirt's numbers to words. */
function mapping(
  words: readonly (readonly [state: number, word: string, color: string])[],
): dashboard.ValueMapping {
  return {
    type: dashboard.MappingType.ValueToText,
    options: Object.fromEntries(words.map(([state, text, color], index) => [state, { text, color, index }])),
  };
}

export const DOMAIN_STATES = mapping(DOMAIN);
export const POOL_STATES = mapping(POOL);

/** For values that are 1 when something is wrong. */
export const YES_OR_NO = mapping([
  [0, 'no', 'green'],
  [1, 'yes', 'orange'],
]);
