import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bareName, qemuPid } from './lab/guests.ts';
import { until } from './lab/run.ts';
import { SearchServer } from './search-server/search-server.ts';
import { runnableServers } from './search-server/servers.ts';
import { exporterInto, queueFolder, setUp } from './search-server/virtune-into.ts';

const HUNG = bareName(13);
const FOUND_WITHIN_MS = 15_000;

let server: SearchServer;
const queue = queueFolder();
let virtune: ReturnType<typeof exporterInto>;
let other: ChildProcess | undefined;

beforeAll(async () => {
  const [kind] = runnableServers();
  if (kind === undefined)
    throw new Error('no search server can run here: install a Java of version 17 or later');
  server = await SearchServer.start(kind);
  await setUp(server.url);
  virtune = exporterInto(server.url, queue.dir);
  await virtune.url();
});
afterAll(async () => {
  process.kill(qemuPid(HUNG), 'SIGCONT');
  other?.kill();
  await virtune?.stop();
  await server?.remove();
  queue.remove();
});

/** The newest document of the VM. */
async function newest(): Promise<Record<string, unknown> | undefined> {
  await server.request('POST', '/metrics-kvm.vm-default/_refresh');
  const { body } = await server.request('POST', '/metrics-kvm.vm-default/_search', {
    size: 1,
    sort: [{ '@timestamp': 'desc' }],
    query: { term: { 'kvm.name': HUNG } },
  });
  const found = body as unknown as { hits?: { hits: { _source: Record<string, unknown> }[] } };
  return found.hits?.hits[0]?._source;
}

test('the documents of a VM that hangs behind the job of another client say so, and again when it is back', async () => {
  await until(
    'a document of the VM',
    60_000,
    async () => (await newest())?.['virtune_domain_outcome'] === 'fresh',
  );
  const atMs = Date.now();
  process.kill(qemuPid(HUNG), 'SIGSTOP');
  other = spawn('virsh', ['domstats', HUNG], { stdio: 'ignore' });
  const said: unknown[] = [];
  const document = await until('a document that says so', 60_000, async () => {
    const each = await newest();
    said.push([each?.['@timestamp'], each?.['virtune_domain_outcome']]);
    return each?.['virtune_domain_outcome'] === 'unresponsive' ? each : undefined;
  }).catch((error: Error) => {
    throw new Error(`${error.message}; the documents said ${JSON.stringify(said.slice(-3))}`, {
      cause: error,
    });
  });
  // Compares the document's timestamp; when a busy server makes it searchable is a separate matter.
  expect(Date.parse(String(document['@timestamp'])) - atMs).toBeLessThan(FOUND_WITHIN_MS);
  expect(document).toHaveProperty('virtune_domain_unresponsive_since_timestamp_seconds');
  expect(Object.keys(document).filter((field) => field.startsWith('libvirt_domain_block'))).toEqual([]);
  process.kill(qemuPid(HUNG), 'SIGCONT');
  await until('it to be back', 40_000, async () => (await newest())?.['virtune_domain_outcome'] === 'fresh');
}, 180_000);
