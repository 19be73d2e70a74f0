import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { fieldsOf } from '../../../exporter/documents/fields.ts';
import type { SearchClient, SearchRequest, SearchResponse } from '../../../exporter/elasticsearch/client.ts';
import { isAtLeast, nameOf, readGreeting } from '../../../exporter/elasticsearch/server.ts';
import { lifecycleFor } from '../../../exporter/elasticsearch/setup/lifecycle.ts';
import { leavesOf, mappingOf } from '../../../exporter/elasticsearch/setup/mappings.ts';
import { applySetup, planSetup, type SetupOptions } from '../../../exporter/elasticsearch/setup/setup.ts';
import { templatesFor } from '../../../exporter/elasticsearch/setup/templates.ts';
import { VirtuneProcess } from '../../virtune-process.ts';

const ELASTIC = { 'x-elastic-product': 'Elasticsearch' };
const answer = (status: number, body: unknown, headers = {}): SearchResponse => ({
  node: 'http://search.example:9200',
  status,
  body,
  headers,
});

/** Responses of servers to GET /, as in their documentation. */
const GREETINGS = {
  'elasticsearch 8.19': answer(
    200,
    { version: { number: '8.19.0', build_flavor: 'default' }, tagline: 'You Know, for Search' },
    ELASTIC,
  ),
  'elasticsearch 9.1': answer(
    200,
    { version: { number: '9.1.0', build_flavor: 'default' }, tagline: 'You Know, for Search' },
    ELASTIC,
  ),
  'elasticsearch 8.10': answer(200, { version: { number: '8.10.4', build_flavor: 'default' } }, ELASTIC),
  serverless: answer(200, { version: { number: '8.11.0', build_flavor: 'serverless' } }, ELASTIC),
  'opensearch 2.19': answer(200, {
    version: { distribution: 'opensearch', number: '2.19.6' },
    tagline: 'The OpenSearch Project: https://opensearch.org/',
  }),
  'opensearch 3': answer(200, {
    version: { distribution: 'opensearch', number: '3.2.0' },
    tagline: 'The OpenSearch Project: https://opensearch.org/',
  }),
  'opensearch as 7.10.2': answer(200, {
    version: { number: '7.10.2' },
    tagline: 'The OpenSearch Project: https://opensearch.org/',
  }),
} as const;

test.each([
  ['elasticsearch 8.19', 'Elasticsearch 8.19.0'],
  ['elasticsearch 9.1', 'Elasticsearch 9.1.0'],
  ['serverless', 'Elasticsearch (serverless)'],
  ['opensearch 2.19', 'OpenSearch 2.19.6'],
  ['opensearch 3', 'OpenSearch 3.2.0'],
  ['opensearch as 7.10.2', 'OpenSearch 7.10.2'],
] as const)('%s is recognised by its greeting', (name, expected) => {
  expect(nameOf(readGreeting(GREETINGS[name]))).toBe(expected);
});

test('a key that may only write is enough to know Elasticsearch, whose version then is taken for new', () => {
  const server = readGreeting(answer(403, { error: { type: 'security_exception', reason: 'x' } }, ELASTIC));
  expect(server).toMatchObject({ kind: 'elasticsearch', version: undefined, serverless: false });
  expect(isAtLeast(server, 9, 0)).toBe(true);
});

test.each<[what: string, given: SearchResponse, code: string, says: string]>([
  [
    'Elasticsearch 7',
    answer(200, { version: { number: '7.17.9' } }, ELASTIC),
    'SEARCH_UNSUPPORTED',
    '8.7 or newer',
  ],
  [
    'Elasticsearch 8.6',
    answer(200, { version: { number: '8.6.2' } }, ELASTIC),
    'SEARCH_UNSUPPORTED',
    '8.7 or newer',
  ],
  ['another HTTP service', answer(200, { name: 'x' }), 'SEARCH_UNSUPPORTED', 'check the address'],
  [
    'a login page',
    answer(200, '<html><head><title>Please log in</title></head></html>', { 'content-type': 'text/html' }),
    'SEARCH_ANSWER',
    'a web page, "Please log in"; a proxy or a login page',
  ],
  [
    'a login page below the header of Elasticsearch',
    answer(200, '<html>Hi</html>', ELASTIC),
    'SEARCH_ANSWER',
    'Hi',
  ],
  [
    'a redirect to a login',
    answer(302, '', { location: 'https://sso.example/login?token=secret' }),
    'SEARCH_ANSWER',
    'a redirect to https://sso.example (302)',
  ],
  ['a proxy that wants a password', answer(407, ''), 'SEARCH_ANSWER', '407'],
  ['a web server', answer(404, '<h1>Not Found</h1>'), 'SEARCH_ANSWER', 'Not Found'],
  ['a cluster that starts', answer(503, { error: 'not ready' }, ELASTIC), 'SEARCH_BUSY', 'not ready'],
  [
    'a revoked key',
    answer(401, { error: { type: 'security_exception', reason: 'unable to authenticate' } }, ELASTIC),
    'SEARCH_PERMISSION',
    'API key',
  ],
  ['a gateway without a server', answer(502, 'Bad Gateway'), 'SEARCH_REFUSED', '502'],
])('%s is refused with the reason', (_what, given, code, says) => {
  expect(() => readGreeting(given)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(says) }),
  );
});

/** Stores what is put, and returns it as such a server does. */
class Kept implements SearchClient {
  readonly #greeting: SearchResponse;
  readonly #hasIsm: boolean;
  readonly kept = new Map<string, { body: unknown; version: number }>();
  readonly changes: SearchRequest[] = [];
  streams: { name: string; index: string; about: unknown }[] = [];
  /** The server's simulation of an index with any name. */
  simulated: unknown = { settings: {}, mappings: {} };

  constructor(greeting: SearchResponse, hasIsm = true) {
    this.#greeting = greeting;
    this.#hasIsm = hasIsm;
  }

  async close(): Promise<void> {}

  async request(request: SearchRequest): Promise<SearchResponse> {
    const { method, path, body } = request;
    if (path === '/') return this.#greeting;
    if (path.startsWith('/_index_template/_simulate_index/')) {
      if (this.simulated === undefined) return answer(403, { error: { type: 'security_exception' } });
      return answer(200, { template: this.simulated, overlapping: [] });
    }
    if (path === '/_index_template') {
      const all = [...this.kept].filter(([kept]) => kept.startsWith('/_index_template/'));
      return answer(200, {
        index_templates: all.map(([kept, { body: about }]) => ({
          name: kept.split('/')[2],
          index_template: about,
        })),
      });
    }
    if (method !== 'GET') {
      this.changes.push(request);
      this.kept.set(path, { body, version: (this.kept.get(path)?.version ?? 0) + 1 });
      return answer(200, { acknowledged: true });
    }
    const known = this.kept.get(path);
    if (path.startsWith('/_plugins/_ism') && !this.#hasIsm) {
      return answer(400, { error: `no handler found for uri [${path}] and method [GET]` });
    }
    if (path.startsWith('/_data_stream/')) {
      const found = this.streams.filter(({ name }) =>
        name.startsWith(path.slice('/_data_stream/'.length, -1)),
      );
      return found.length === 0
        ? answer(404, {})
        : answer(200, {
            data_streams: found.map(({ name, index }) => ({ name, indices: [{ index_name: index }] })),
          });
    }
    const stream = this.streams.find(({ index }) => path === `/${index}`);
    if (stream !== undefined) return answer(200, { [stream.index]: stream.about });
    if (known === undefined) return answer(404, { error: 'not there' });
    if (path.startsWith('/_index_template/')) {
      return answer(200, { index_templates: [{ name: path.split('/')[2], index_template: known.body }] });
    }
    if (path.startsWith('/_ilm/')) return answer(200, { 'metrics-kvm': known.body });
    return answer(200, { _seq_no: known.version, _primary_term: 1, ...(known.body as object) });
  }
}

const OPTIONS: SetupOptions = { retentionDays: 90, downsampleAfterDays: 7, metricbeatCompat: false };

test.each(Object.entries(GREETINGS))(
  'on %s it creates all that is needed, and then has nothing to do',
  async (_name, greeting) => {
    const client = new Kept(greeting);
    const plan = await planSetup(client, OPTIONS);
    expect(client.changes, 'a plan changes nothing').toEqual([]);
    expect(plan.steps.filter(({ change }) => change === 'create').length).toBeGreaterThanOrEqual(8);
    await applySetup(plan, () => undefined);
    const again = await planSetup(client, OPTIONS);
    expect(again.steps.filter(({ change }) => change !== 'none')).toEqual([]);
  },
);

test('what changed is updated, and only that', async () => {
  const client = new Kept(GREETINGS['opensearch 2.19']);
  await applySetup(await planSetup(client, OPTIONS), () => undefined);
  client.changes.length = 0;
  await applySetup(await planSetup(client, { ...OPTIONS, retentionDays: 30 }), () => undefined);
  expect(client.changes.map(({ path, query }) => ({ path, query }))).toEqual([
    { path: '/_plugins/_ism/policies/metrics-kvm', query: { if_seq_no: '1', if_primary_term: '1' } },
  ]);
});

test('the lifecycle is the one that the server has', async () => {
  const of = (name: keyof typeof GREETINGS): string =>
    lifecycleFor(readGreeting(GREETINGS[name]), undefined, OPTIONS).kind;
  expect([of('elasticsearch 8.19'), of('elasticsearch 8.10'), of('serverless'), of('opensearch 3')]).toEqual([
    'stream',
    'ilm',
    'stream',
    'ism',
  ]);
  const client = new Kept(GREETINGS['elasticsearch 9.1']);
  await applySetup(await planSetup(client, { ...OPTIONS, lifecycle: 'ilm' }), () => undefined);
  expect(client.kept.get('/_ilm/policy/metrics-kvm')?.body).toMatchObject({
    policy: {
      phases: {
        hot: { actions: { rollover: { max_age: '1d', max_primary_shard_size: '50gb' } } },
        warm: { min_age: '7d', actions: { downsample: { fixed_interval: '5m' } } },
        delete: { min_age: '90d' },
      },
    },
  });
  expect(client.kept.get('/_index_template/metrics-kvm.vm')?.body).toMatchObject({
    template: {
      settings: { index: { mode: 'time_series', look_back_time: '7d', lifecycle: { name: 'metrics-kvm' } } },
    },
  });
  await expect(
    planSetup(new Kept(GREETINGS['opensearch 3']), { ...OPTIONS, lifecycle: 'ilm' }),
  ).rejects.toMatchObject({
    code: 'SEARCH_UNSUPPORTED',
  });
  await expect(
    planSetup(new Kept(GREETINGS.serverless), { ...OPTIONS, lifecycle: 'ilm' }),
  ).rejects.toMatchObject({
    code: 'SEARCH_UNSUPPORTED',
  });
});

test('a server without index state management gets its templates, and the result says what is missing', async () => {
  const plan = await planSetup(new Kept(GREETINGS['opensearch 2.19'], false), OPTIONS);
  expect(plan.steps[0]).toMatchObject({
    change: 'skip',
    why: expect.stringContaining('streams are not rolled over'),
  });
});

/** Adds another owner's template for these streams. */
function other(client: Kept, index_patterns: string | readonly string[], priority?: number): void {
  client.kept.set('/_index_template/all-metrics', { body: { index_patterns, priority }, version: 1 });
}

test.each([
  ['metrics-*', 500],
  [['logs-*', 'metrics-kvm.v*-default'], 301],
  ['*', 1_000],
])(
  'a template for %s with priority %i is refused by its name before anything is changed, each time',
  async (patterns, priority) => {
    for (const name of ['elasticsearch 8.19', 'opensearch 3'] as const) {
      const client = new Kept(GREETINGS[name]);
      other(client, patterns, priority);
      for (const run of [1, 2]) {
        await expect(planSetup(client, OPTIONS), `run ${run}`).rejects.toMatchObject({
          code: 'SEARCH_OUTRANKED',
          message: expect.stringContaining(`all-metrics (priority ${priority}`),
        });
      }
      expect(client.changes, 'no roll-over either').toEqual([]);
    }
  },
);

test.each([
  ['metrics-*', 200],
  ['metrics-*', undefined],
  ['metrics-kvm.vm', 500],
  ['metrics-kvmxvm-*', 500],
  ['metrics-kvm.*-production', 500],
  ['logs-*', 500],
])('a template for %s with priority %s changes nothing', async (patterns, priority) => {
  const client = new Kept(GREETINGS['elasticsearch 8.19']);
  other(client, patterns, priority);
  await applySetup(await planSetup(client, OPTIONS), () => undefined);
  expect(client.changes).toHaveLength(8);
});

test('streams of the namespace that is set count', async () => {
  const client = new Kept(GREETINGS['elasticsearch 8.19']);
  other(client, 'metrics-kvm.*-production', 500);
  await expect(planSetup(client, { ...OPTIONS, namespace: 'production' })).rejects.toMatchObject({
    code: 'SEARCH_OUTRANKED',
    message: expect.stringContaining('metrics-kvm.host-production'),
  });
});

test('a template with a higher priority that has all that virtune needs may add settings', async () => {
  const elastic = readGreeting(GREETINGS['elasticsearch 8.19']);
  const client = new Kept(GREETINGS['elasticsearch 8.19']);
  other(client, 'metrics-kvm.vcpu-*', 500);
  const mapping = mappingOf(fieldsOf('vcpu'), elastic);
  client.simulated = { settings: { index: { mode: 'time_series' } }, mappings: mapping };
  await planSetup(client, OPTIONS);
  client.simulated = { settings: { index: {} }, mappings: mapping };
  await expect(planSetup(client, OPTIONS)).rejects.toThrow('indices without time series');
  client.simulated = undefined;
  await expect(planSetup(client, OPTIONS), 'a key that may not simulate').rejects.toMatchObject({
    code: 'SEARCH_OUTRANKED',
  });
  const template = { settings: { index: { mode: 'time_series' } }, mappings: mapping };
  const body = { index_patterns: 'metrics-kvm.vcpu-*', priority: 500, template };
  client.kept.set('/_index_template/all-metrics', { body, version: 1 });
  await planSetup(client, OPTIONS);
  const { kvm: _left, ...fewer } = mapping.properties;
  client.simulated = { settings: { index: { mode: 'time_series' } }, mappings: { properties: fewer } };
  await expect(planSetup(client, OPTIONS)).rejects.toThrow(/\d fields missing or of another type \(kvm/);
  const { event: _event, ...older } = mapping.properties;
  client.simulated = {
    settings: { index: { mode: 'time_series' } },
    mappings: { dynamic: false, properties: older },
  };
  await expect(planSetup(client, OPTIONS), 'setup has every field indexed').rejects.toMatchObject({
    code: 'SEARCH_OUTRANKED',
    message: expect.stringMatching(
      /would lack the field event\.\w+ and \d more; add the missing fields to that template/,
    ),
  });
});

test('a retention that is shorter than the time until downsampling is refused', async () => {
  const short = { ...OPTIONS, retentionDays: 5 };
  for (const lifecycle of ['stream', 'ilm'] as const) {
    const client = new Kept(GREETINGS['elasticsearch 9.1']);
    await expect(planSetup(client, { ...short, lifecycle })).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining('--downsample-after 0'),
    });
    expect(client.changes).toEqual([]);
    await planSetup(client, { ...short, lifecycle, downsampleAfterDays: 0 });
    await planSetup(client, { ...short, lifecycle, downsampleAfterDays: 5 });
  }
  await planSetup(new Kept(GREETINGS['opensearch 3']), short);
});

test('downsampling before a queue gives documents up is noted, where the server downsamples', async () => {
  const notes = async (
    greeting: SearchResponse,
    options: Partial<SetupOptions>,
  ): Promise<readonly string[]> =>
    (await planSetup(new Kept(greeting), { ...OPTIONS, queueMaxAgeSeconds: 561_600, ...options })).notes;
  const elastic = GREETINGS['elasticsearch 9.1'];
  expect(await notes(elastic, { downsampleAfterDays: 1 })).toEqual([
    expect.stringMatching(/once it is downsampled, 1d after .* for 6d12h: .*set a longer --downsample-after/),
  ]);
  for (const downsampleAfterDays of [0, 7]) expect(await notes(elastic, { downsampleAfterDays })).toEqual([]);
  expect(await notes(elastic, { downsampleAfterDays: 1, lifecycle: 'none' })).toEqual([]);
  expect(await notes(GREETINGS['opensearch 3'], { downsampleAfterDays: 1 })).toEqual([]);
});

test('a template of another owner is not changed', async () => {
  const client = new Kept(GREETINGS['elasticsearch 8.19']);
  client.kept.set('/_index_template/metrics-kvm.vm', { body: { index_patterns: ['x'] }, version: 1 });
  await expect(planSetup(client, OPTIONS)).rejects.toMatchObject({
    code: 'SEARCH_REFUSED',
    message: expect.stringContaining('not created by virtune'),
  });
});

test('a stream that is there gets fields that are new, and a new index where a field has another type', async () => {
  const elastic = readGreeting(GREETINGS['elasticsearch 8.19']);
  const mapping = mappingOf(fieldsOf('vm'), elastic).properties;
  const { kvm: _left, ...fewer } = mapping;
  const about = (properties: unknown, mode = 'time_series', look_ahead_time?: string): unknown => ({
    settings: { index: { mode, look_ahead_time: look_ahead_time ?? '2h' } },
    mappings: { properties },
  });
  const change = async (of: unknown): Promise<string | undefined> => {
    const client = new Kept(GREETINGS['elasticsearch 8.19']);
    client.streams = [{ name: 'metrics-kvm.vm-default', index: '.ds-1', about: of }];
    const plan = await planSetup(client, OPTIONS);
    return plan.steps.find(({ what }) => what === 'data stream metrics-kvm.vm-default')?.change;
  };
  expect(await change(about(mapping))).toBe('none');
  expect(await change(about(mapping, 'time_series', '30m')), 'a shorter look_ahead_time').toBe('update');
  expect(await change(about(fewer))).toBe('update');
  expect(await change(about({ ...mapping, libvirt_domain_info_state: { type: 'text' } }))).toBe('roll over');
  expect(await change(about(mapping, 'standard'))).toBe('roll over');
});

test('an existing time series index gets the look-ahead of new ones, and nothing else changes', async () => {
  const elastic = readGreeting(GREETINGS['elasticsearch 8.19']);
  const client = new Kept(GREETINGS['elasticsearch 8.19']);
  await applySetup(await planSetup(client, OPTIONS), () => undefined);
  client.changes.length = 0;
  const { properties } = mappingOf(fieldsOf('vm'), elastic);
  const about = { settings: { index: { mode: 'time_series' } }, mappings: { properties } };
  client.streams = [{ name: 'metrics-kvm.vm-default', index: '.ds-1', about }];
  await applySetup(await planSetup(client, OPTIONS), () => undefined);
  expect(client.changes).toMatchObject([
    { method: 'PUT', path: '/.ds-1/_settings', body: { index: { look_ahead_time: '2h' } } },
  ]);
});

test.each([
  ['elasticsearch 8.10', undefined],
  ['elasticsearch 8.19', false],
  ['elasticsearch 9.1', false],
  ['serverless', false],
  ['opensearch 3', undefined],
] as const)(
  'templates of %s have the failure store of the stream off where there is one: %s',
  (name, enabled) => {
    const server = readGreeting(GREETINGS[name]);
    const lifecycle = lifecycleFor(server, undefined, OPTIONS);
    for (const { body } of templatesFor(server, { lifecycle, metricbeatCompat: false })) {
      const { template } = body as { template: { data_stream_options?: unknown; settings: unknown } };
      expect(template.data_stream_options).toEqual(
        enabled === undefined ? undefined : { failure_store: { enabled } },
      );
      if (server.kind === 'elasticsearch')
        expect(template.settings).toMatchObject({ index: { look_back_time: '7d', look_ahead_time: '2h' } });
    }
  },
);

test('dimensions are few, are never truncated, and are not fields of OpenSearch', () => {
  const elastic = mappingOf(fieldsOf('block'), { kind: 'elasticsearch' });
  const open = mappingOf(fieldsOf('block'), { kind: 'opensearch' });
  const dimensions = JSON.stringify(elastic).match(/"time_series_dimension":true/g);
  expect(dimensions).toHaveLength(3);
  expect(JSON.stringify(open)).not.toContain('time_series');
  expect(leavesOf(open.properties)).toEqual(leavesOf(elastic.properties));
  expect(elastic.properties['kvm']).toMatchObject({
    properties: { uuid: { type: 'keyword', time_series_dimension: true }, name: { ignore_above: 1_024 } },
  });
});

test('setup that is stopped by a signal reports it, and what was changed', async () => {
  const asked = Promise.withResolvers<void>();
  const server = createServer(() => asked.resolve());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  try {
    const command = new VirtuneProcess('elasticsearch', 'setup', '--elasticsearch', url);
    await asked.promise;
    command.signal('SIGINT');
    expect(await command.ended).toEqual({
      code: 75,
      stdout: '',
      stderr: `virtune: ${url}: stopped by SIGINT; nothing was changed; run setup again [SEARCH_STOPPED]\n`,
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}, 30_000);

test('a command that runs once does not claim that virtune retries', async () => {
  const command = new VirtuneProcess('elasticsearch', 'setup', '--elasticsearch', 'http://127.0.0.1:1');
  const { code, stderr } = await command.ended;
  expect(code).toBe(69);
  expect(stderr).toMatch(
    /^virtune: http:\/\/127\.0\.0\.1:1: the server cannot be reached .*\[SEARCH_UNREACHABLE\]\n$/,
  );
  expect(stderr).not.toMatch(/retr|again/);
}, 30_000);
