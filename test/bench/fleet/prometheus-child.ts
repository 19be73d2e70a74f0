import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { DAY_HOURS, recordedOf } from './recorded-world.ts';

/* Answers virtune's queries for a made fleet as a Prometheus would; prints its address. */
const [hosts = 1_000, clusters = 100, days = 7] = process.argv.slice(2).map(Number);

const server = createServer(async (request, response) => {
  const form = new URLSearchParams(await text(request));
  const result = recordedOf(form.get('query') ?? '', {
    hosts,
    clusters,
    hours: days * DAY_HOURS,
    startSeconds: Number(form.get('start') ?? 0),
  });
  const resultType = request.url?.endsWith('query_range') === true ? 'matrix' : 'vector';
  response.end(JSON.stringify({ status: 'success', data: { resultType, result } }));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) console.log(`http://127.0.0.1:${address.port}`);
});
