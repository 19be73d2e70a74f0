import { LEGEND } from '../legends.ts';
import { limitsOf } from '../limits.ts';
import { seriesToHost } from '../links.ts';
import type { Row } from '../page.ts';
import { graph, stack } from '../panels.ts';
import { of, rateOf } from '../query.ts';

/** Documents sent to Elasticsearch or OpenSearch, and those queued; empty if nothing is sent. */
export function shippingRow(): Row {
  return { title: 'Elasticsearch and OpenSearch', panels: [oldest(), queue(), documents(), lost()] };
}

const oldest = () =>
  graph({
    title: 'Oldest queued document',
    help: 'Age of the oldest document in the queue. The ten hosts with the longest delay.',
    unit: 's',
    queries: [
      {
        expr: `topk(10, ${of('virtune_elasticsearch_oldest_age_seconds')})`,
        legend: LEGEND.host,
      },
    ],
    limits: limitsOf('green', ['orange', 'ElasticsearchQueueDelayed', 'seconds']),
    links: [seriesToHost()],
  });

const queue = () =>
  graph({
    title: 'Queue utilization',
    help: 'Share of the disk queue in use. At 100 % the oldest documents are dropped. The ten hosts with the fullest queues.',
    unit: 'percentunit',
    queries: [
      {
        expr: `topk(10, ${of('virtune_elasticsearch_queue_bytes')} / ${of('virtune_elasticsearch_queue_max_bytes')})`,
        legend: LEGEND.host,
      },
    ],
    links: [seriesToHost()],
  });

const documents = () =>
  stack({
    title: 'Documents sent',
    help: 'Documents per second that servers accepted, and duplicates that they already had.',
    unit: 'ops',
    queries: [
      { expr: `sum(${rateOf('virtune_elasticsearch_sent_total')})`, legend: 'accepted' },
      { expr: `sum(${rateOf('virtune_elasticsearch_duplicates_total')})`, legend: 'duplicate' },
    ],
  });

const lost = () =>
  stack({
    title: 'Documents dropped',
    help: 'Documents per second dropped before they reached a server, by reason, and those that the server rejected.',
    unit: 'ops',
    queries: [
      { expr: `sum by (reason) (${rateOf('virtune_elasticsearch_dropped_total')})`, legend: '{{reason}}' },
      { expr: `sum(${rateOf('virtune_elasticsearch_dead_letters_total')})`, legend: 'rejected' },
    ],
  });
