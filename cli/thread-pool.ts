/**
 * Gives libuv 16 threads for files, names and compression instead of four. A read or write of a file system that hangs (NFS
 * without its server) holds its thread until that answers, and nothing can call it off: pools of VMs' storage hold two at
 * most, configuration and secrets four, the tuner's record of drift, each queue and a file of documents one each. With four, a
 * scrape that wants gzip and a search server that has to be resolved would wait for the file system, too. A thread that is not
 * used costs address space.
 *
 * libuv reads this once, when the first file is read asynchronously: https://docs.libuv.org/en/v1.x/threadpool.html
 * An administrator's own value stands.
 */
process.env['UV_THREADPOOL_SIZE'] ??= '16';
