import { ensurePackages } from './lab/packages.ts';
import { install } from './search-server/install.ts';
import { runnableServers, SERVERS } from './search-server/servers.ts';

/** Downloads and builds what the live tests need, ahead of them and in parallel with other work: minutes of waiting. */
ensurePackages();
for (const name of runnableServers()) install(SERVERS[name]);
