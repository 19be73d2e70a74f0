import { dimension, type Field, keyword } from './field.ts';
import type { CompatStreamName, StreamName } from './streams.ts';

/** The version of the Elastic Common Schema whose names are used: https://www.elastic.co/docs/reference/ecs */
const ECS_VERSION = '8.17.0';

/**
 * What every document has: ECS, the naming of data streams
 * (https://www.elastic.co/docs/reference/ecs/ecs-data_stream), and Metricbeat's `metricset`, from which Kibana reads
 * the interval. The host is the hypervisor; the agent is virtune, wherever it runs.
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
  /** Of the machine that it runs on. */
  readonly name: string;
  /** Of this process: distinguishes two that send documents of the same host. */
  readonly ephemeralId: string;
}

export interface HeadOptions {
  readonly agent: Agent;
  readonly namespace: string;
  readonly intervalMs: number;
  /** Where the host is asked, without anything secret. */
  readonly address: string;
}

/**
 * The first part of a document of a stream: JSON without its closing brace.
 * @param startMs when its figures were read
 * @param path the VM, the device of it or of the host; with the host's name before them `kvm.path`
 */
export type DocumentHead = (
  stream: StreamName | CompatStreamName,
  startMs: number,
  ...path: readonly string[]
) => string;

/** @param atMs when the sample was due: the same for all senders and hosts, so that documents settle and align */
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
