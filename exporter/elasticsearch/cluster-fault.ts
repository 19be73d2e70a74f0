/** An error with status 400 about the cluster or an index, not the document; an operator has to fix it. */
interface ClusterFault {
  /** Matches type and reason of the error. Linear time, whatever a server sends. */
  readonly pattern: RegExp;
  readonly next: string;
  /** It concerns one index, while the stream's newest index may accept documents. */
  readonly isOfOneIndex?: true;
}

const FAULTS: readonly ClusterFault[] = [
  {
    // ShardLimitValidator, when the first index of a stream or the next one of a lazy rollover is created. The type is
    // validation_exception or illegal_argument_exception; OpenSearch says "total shards".
    pattern: /^\w+: (?:Validation Failed: \d+: )?this action would add \[\d+\] (?:total )?shards/,
    next: 'raise cluster.max_shards_per_node on the server, or delete indices; until then no index can be created for the stream',
  },
  {
    // Any other failure to create an index, such as awareness attributes. Never raised for a document.
    pattern: /^(?:validation_exception|index_creation_exception): /,
    next: 'correct the cluster or template setting named in the reason',
  },
  {
    // IngestService, for a default_pipeline or final_pipeline that was removed or renamed.
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
    // InternalEngine: Lucene's limit for one shard. Other shards of the newest index still accept newer documents,
    // which says nothing about the index.
    pattern: /^\w+: Number of documents in shard .{1,300} exceeds the limit of \[/,
    next: 'roll the stream over (POST STREAM/_rollover), and check its lifecycle',
  },
];

/** What to do about a cluster fault, for which documents can wait; undefined if the document is at fault. */
export function clusterFaultOf(reason: string): Pick<ClusterFault, 'next' | 'isOfOneIndex'> | undefined {
  return FAULTS.find(({ pattern }) => pattern.test(reason));
}
