import { limitsOf } from '../limits.ts';
import { seriesToHost } from '../links.ts';
import type { Row } from '../page.ts';
import { graph, stack } from '../panels.ts';
import { of, rateOf } from '../query.ts';

/** What goes to Elasticsearch or OpenSearch, and what waits; empty where nothing is sent there. */
export function shippingRow(): Row {
  return { title: 'Shipping to a search server', panels: [oldest(), queue(), documents(), lost()] };
}

const oldest = () =>
  graph({
    title: 'Oldest document that waits',
    help: 'Age of the oldest document in the queue; the ten hosts whose documents wait longest.',
    unit: 's',
    queries: [
      { expr: `topk(10, ${of('virtune_elasticsearch_oldest_age_seconds')})`, legend: '{{instance}}' },
    ],
    limits: limitsOf('green', ['orange', 'SpoolGrowing', 'seconds']),
    links: [seriesToHost()],
  });

const queue = () =>
  graph({
    title: 'Room of the queue in use',
    help: 'Share of the queue on disk that is full; at 100 % the oldest documents are dropped. The ten fullest.',
    unit: 'percentunit',
    queries: [
      {
        expr: `topk(10, ${of('virtune_elasticsearch_queue_bytes')} / ${of('virtune_elasticsearch_queue_max_bytes')})`,
        legend: '{{instance}}',
      },
    ],
    links: [seriesToHost()],
  });

const documents = () =>
  stack({
    title: 'Documents taken',
    help: 'Documents a second that servers took, and those that they had already.',
    unit: 'ops',
    queries: [
      { expr: `sum(${rateOf('virtune_elasticsearch_sent_total')})`, legend: 'taken' },
      { expr: `sum(${rateOf('virtune_elasticsearch_duplicates_total')})`, legend: 'had already' },
    ],
  });

const lost = () =>
  stack({
    title: 'Documents given up',
    help: 'Documents a second that never reached a server, by reason; and those that it refuses for good.',
    unit: 'ops',
    queries: [
      { expr: `sum by (reason) (${rateOf('virtune_elasticsearch_dropped_total')})`, legend: '{{reason}}' },
      { expr: `sum(${rateOf('virtune_elasticsearch_dead_letters_total')})`, legend: 'refused' },
    ],
  });
