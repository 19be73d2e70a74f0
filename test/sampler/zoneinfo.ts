/** /proc/zoneinfo in the form of Linux 6: node 0 in two zones, node 1 without a word on its caches. */
export const ZONEINFO = `Node 0, zone      DMA
  per-node stats
      nr_inactive_anon 365203
      nr_inactive_file 300
      nr_active_file 500
      nr_slab_reclaimable 100
      nr_file_pages 408838
  pages free     1000
        boost    0
        min      5
        low      20
        high     48
      nr_free_pages 1000
Node 0, zone   Normal
  pages free     500
        min      30
        low      40
        high     60
      nr_zone_inactive_file 300
Node 1, zone   Normal
  pages free     7
        low      1
`;
