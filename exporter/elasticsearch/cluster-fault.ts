/** An error with status 400 that is about the cluster or an index, not about the document: an operator ends it. */
interface ClusterFault {
  /** Of the type and reason of the error. Each reads a text once, whatever a server writes. */
  readonly pattern: RegExp;
  readonly next: string;
  /** It is about one index, while the newest index of the stream may take documents. */
  readonly isOfOneIndex?: true;
}

const FAULTS: readonly ClusterFault[] = [
  {
    // ShardLimitValidator, when the first index of a stream or the next one of a lazy rollover is created. The type is
    // validation_exception or illegal_argument_exception; OpenSearch says "total shards".
    pattern: /^\w+: (?:Validation Failed: \d+: )?this action would add \[\d+\] (?:total )?shards/,
    next: 'raise cluster.max_shards_per_node on the server, or delete indices; virtune cannot create an index for the stream before that',
  },
  {
    // Any other reason why an index cannot be created, such as awareness attributes. No document is judged by these.
    pattern: /^(?:validation_exception|index_creation_exception): /,
    next: 'correct the setting of the cluster or of the template that the reason names',
  },
  {
    // IngestService, for a default_pipeline or final_pipeline that somebody removed or renamed.
    pattern: /^\w+: pipeline with id \[[^\]]*\] does not exist/,
    next: 'create the pipeline, or remove its name from the template and from the settings of the newest index (index.default_pipeline, index.final_pipeline)',
  },
  {
    // TransportBulkAction
    pattern: /^index_closed_exception: /,
    next: 'open the closed index of the stream (POST INDEX/_open)',
    isOfOneIndex: true,
  },
  {
    // InternalEngine: the limit of Lucene, of one shard. Others of the newest index take newer documents, which says
    // nothing about the index.
    pattern: /^\w+: Number of documents in shard .{1,300} exceeds the limit of \[/,
    next: 'roll the stream over (POST STREAM/_rollover), and check its lifecycle',
  },
];

/** What to do about a fault of the cluster, for which its documents can wait; undefined for one of the document. */
export function clusterFaultOf(reason: string): Pick<ClusterFault, 'next' | 'isOfOneIndex'> | undefined {
  return FAULTS.find(({ pattern }) => pattern.test(reason));
}
