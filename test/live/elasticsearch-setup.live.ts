import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bulkItemOf } from '../../exporter/elasticsearch/bulk.ts';
import { DeadLetters } from '../../exporter/elasticsearch/dead-letters/dead-letters.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { until } from './lab/run.ts';
import { SearchServer } from './search-server/search-server.ts';
import { runnableServers } from './search-server/servers.ts';
import { exporterInto, queueFolder, setUp, sinkFigure } from './search-server/virtune-into.ts';

const STREAM = 'metrics-kvm.vm-default';

describe.each(runnableServers())('%s', { timeout: 600_000 }, (name) => {
  const isElastic = name.startsWith('elasticsearch');
  const queue = queueFolder();
  let server: SearchServer;
  let demo: Demo;
  beforeAll(async () => {
    demo = await startDemo();
    server = await SearchServer.start(name);
  });
  afterAll(async () => {
    await demo?.stop();
    await server?.remove();
    queue.remove();
  });

  const putOther = (): Promise<{ status: number }> =>
    server.request('PUT', '/_index_template/all-metrics', {
      index_patterns: ['metrics-*'],
      data_stream: {},
      priority: 500,
    });
  const deleteOther = (): Promise<unknown> => server.request('DELETE', '/_index_template/all-metrics');

  test('setup refuses a template of another owner that outranks its own, by name, and changes nothing', async () => {
    expect(await putOther()).toMatchObject({ status: 200 });
    expect(await setUp(server.url)).toMatchObject({
      code: 69,
      said: expect.stringMatching(/all-metrics \(priority 500, metrics-\*\) outranks .*\[SEARCH_OUTRANKED\]/),
    });
    expect((await server.request('GET', '/_index_template/metrics-kvm.vm')).status).toBe(404);
    await deleteOther();
    expect(await setUp(server.url)).toMatchObject({ code: 0 });
    await putOther();
    expect(await setUp(server.url)).toMatchObject({ code: 69 });
    await deleteOther();
  });

  test('a copy of the template with a higher priority and more settings is accepted', async () => {
    const { body } = await server.request('GET', '/_index_template/metrics-kvm.net');
    const { index_template: copy } = (body as unknown as Templates).index_templates[0] ?? {};
    const { status } = await server.request('PUT', '/_index_template/net-without-replicas', {
      ...copy,
      priority: 400,
      template: {
        ...copy?.template,
        settings: { index: { ...copy?.template.settings.index, number_of_replicas: 0 } },
      },
    });
    expect(status).toBe(200);
    expect(await setUp(server.url)).toMatchObject({
      code: 0,
      said: expect.stringContaining('nothing to change'),
    });
  });

  test('an exporter sends nothing while its template is outranked, names the winner, and goes on after that', async () => {
    await putOther();
    const virtune = exporterInto(server.url, queue.dir, '--connect', demo.uri);
    try {
      await virtune.says(/all-metrics .*outranks .*\[SEARCH_OUTRANKED\]/);
      expect(await sinkFigure(virtune, 'sent_total')).toBe(0);
      await deleteOther();
      await until('documents to be sent', 120_000, async () => {
        return ((await sinkFigure(virtune, 'sent_total')) ?? 0) > 0;
      });
      expect(await sinkFigure(virtune, 'dead_letters_total')).toBe(0);
    } finally {
      await virtune.stop();
    }
  });

  test('a stream that setup was not asked for is not created; its documents wait until it is', async () => {
    const stream = 'metrics-kvm.status-default';
    const exists = async (): Promise<boolean> => (await server.request('GET', `/${stream}`)).status === 200;
    const virtune = exporterInto(server.url, queue.dir, '--connect', demo.uri, '--metricbeat-compat');
    try {
      await virtune.says(
        /no template metrics-kvm\.status .*; run virtune elasticsearch setup --metricbeat-compat; .*\[SEARCH_NOT_SET_UP\]/,
      );
      await until('the other streams to be sent', 120_000, async () => {
        return (await sinkFigure(virtune, 'stream_up', { stream: STREAM })) === 1;
      });
      expect([await exists(), await sinkFigure(virtune, 'stream_up', { stream })]).toEqual([false, 0]);
      expect(await setUp(server.url, '--metricbeat-compat')).toMatchObject({ code: 0 });
      await until('what waited to be sent', 120_000, async () => {
        return (await sinkFigure(virtune, 'stream_up', { stream })) === 1;
      });
      expect(await exists()).toBe(true);
      expect(await sinkFigure(virtune, 'dead_letters_total')).toBe(0);
    } finally {
      await virtune.stop();
    }
  });

  test.runIf(isElastic)('streams that exist get the look-ahead of setup, once', async () => {
    const { body } = await server.request('GET', `/_data_stream/${STREAM}`);
    const index = (body as unknown as Streams).data_streams[0]?.indices.at(-1)?.index_name;
    await server.request('PUT', `/${index}/_settings`, { 'index.look_ahead_time': '30m' });
    expect(await setUp(server.url)).toMatchObject({
      code: 0,
      said: expect.stringContaining(`updated data stream ${STREAM} (look_ahead_time 2h)`),
    });
    expect(await setUp(server.url)).toMatchObject({ said: expect.stringContaining('nothing to change') });
  });

  test('dead letters that are sent twice are stored once, across a roll-over too', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'virtune-letters-'));
    const fromMs = Date.now();
    const keep = (): Promise<boolean> =>
      new DeadLetters(dir, 1e9, (error) => expect.fail(error.message)).keep(
        Array.from({ length: 20 }, (_, place) => ({
          item: bulkItemOf(
            { host: 'letters', at: fromMs + place, namespace: 'default' },
            {
              stream: 'vm',
              key: '"uuid"',
              body: JSON.stringify({
                '@timestamp': new Date(fromMs + place).toISOString(),
                'host.id': 'letters',
                'kvm.uuid': 'uuid',
                libvirt_domain_info_virtual_cpus: 2,
              }),
            },
            false,
          ),
          status: 400,
          reason: 'made up',
        })),
        fromMs,
      );
    const resend = (): VirtuneProcess['ended'] =>
      new VirtuneProcess(
        'elasticsearch',
        'dead-letters',
        'resend',
        '--elasticsearch',
        server.url,
        '--elasticsearch.queue-dir',
        dir,
      ).ended;
    try {
      await keep();
      expect(await resend()).toMatchObject({ code: 0, stdout: expect.stringContaining('20 sent, 0 were') });
      await keep();
      await server.request('POST', `/${STREAM}/_rollover`);
      expect(await resend()).toMatchObject({ code: 0, stdout: expect.stringContaining('0 sent, 20 were') });
      expect(await server.count(STREAM, { term: { 'host.id': 'letters' } })).toBe(20);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

interface Templates {
  readonly index_templates: readonly {
    readonly index_template: {
      readonly template: { readonly settings: { readonly index: Readonly<Record<string, unknown>> } };
    };
  }[];
}

interface Streams {
  readonly data_streams: readonly { readonly indices: readonly { readonly index_name: string }[] }[];
}
