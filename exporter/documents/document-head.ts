import { dimension, type Field, keyword } from './field.ts';
import type { CompatStreamName, StreamName } from './streams.ts';

/** Version of the Elastic Common Schema used for names: https://www.elastic.co/docs/reference/ecs */
const ECS_VERSION = '8.17.0';

/**
 * Fields of every document: ECS, data stream naming (https://www.elastic.co/docs/reference/ecs/ecs-data_stream), and
 * Metricbeat's `metricset`, from which Kibana reads the interval. The host is the hypervisor; the agent is virtune,
 * wherever it runs.
 */
export const HEAD_FIELDS: readonly Field[] = [
  { name: '@timestamp', type: 'date' },
  dimension('host.id'),
  keyword('host.name'),
  keyword('data_stream.type'),
  keyword('data_stream.dataset'),
  keyword('data_stream.namespace'),
  keyword('ecs.version'),
  keyword('event.kind'),
  keyword('event.module'),
  keyword('event.dataset'),
  { name: 'event.start', type: 'date' },
  keyword('metricset.name'),
  { name: 'metricset.period', type: 'long' },
  keyword('service.type'),
  keyword('service.address'),
  keyword('agent.type'),
  keyword('agent.version'),
  keyword('agent.name'),
  keyword('agent.ephemeral_id'),
];

/** The program that makes the documents. */
export interface Agent {
  readonly version: string;
  /** Host name of the machine that it runs on. */
  readonly name: string;
  /** Per process: distinguishes two that send documents of the same host. */
  readonly ephemeralId: string;
}

export interface HeadOptions {
  readonly agent: Agent;
  readonly namespace: string;
  readonly intervalMs: number;
  /** Address of the host's libvirt, without secrets. */
  readonly address: string;
}

/**
 * The first part of a stream's document: JSON without its closing brace.
 * @param startMs when its figures were read
 * @param path the VM, and the device of it or of the host; prefixed by the host's name it is `kvm.path`
 */
export type DocumentHead = (
  stream: StreamName | CompatStreamName,
  startMs: number,
  ...path: readonly string[]
) => string;

/**
 * @param atMs when the sample was due: the same for all senders and hosts, so that documents align and duplicates are
 * detected
 */
export function documentHead(
  { agent, namespace, intervalMs, address }: HeadOptions,
  atMs: number,
  host: { readonly id: string; readonly name: string | undefined },
): DocumentHead {
  const heads = new Map<string, string>();
  const make = (stream: string): string => {
    const dataset = `kvm.${stream}`;
    return JSON.stringify({
      '@timestamp': new Date(atMs).toISOString(),
      'host.id': host.id,
      'host.name': host.name,
      'data_stream.type': 'metrics',
      'data_stream.dataset': dataset,
      'data_stream.namespace': namespace,
      'ecs.version': ECS_VERSION,
      'event.kind': 'metric',
      'event.module': 'kvm',
      'event.dataset': dataset,
      'metricset.name': stream,
      'metricset.period': intervalMs,
      'service.type': 'kvm',
      'service.address': address,
      'agent.type': 'virtune',
      'agent.version': agent.version,
      'agent.name': agent.name,
      'agent.ephemeral_id': agent.ephemeralId,
    }).slice(0, -1);
  };
  const hostName = host.name ?? host.id;
  return (stream, startMs, ...path) => {
    let head = heads.get(stream);
    if (head === undefined) {
      head = make(stream);
      heads.set(stream, head);
    }
    const start = `${head},"event.start":"${new Date(startMs).toISOString()}"`;
    return path.length === 0 ? start : `${start},"kvm.path":${JSON.stringify([hostName, ...path].join('/'))}`;
  };
}
