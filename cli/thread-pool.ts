/**
 * Raises libuv's thread pool for files, name resolution and compression from 4 to 16. A read or write on a hung file
 * system (NFS without its server) blocks its thread until the server answers, and cannot be cancelled: storage pools of
 * VMs block two at most, configuration and secrets four, the tuner's record of drift, each queue and a file of
 * documents one each. With four threads, a scrape with gzip and a search server's name lookup would wait for the file
 * system too. An unused thread only costs address space.
 *
 * libuv reads this once, at the first asynchronous file operation: https://docs.libuv.org/en/v1.x/threadpool.html
 * A value set by the administrator takes precedence.
 */
process.env['UV_THREADPOOL_SIZE'] ??= '16';
