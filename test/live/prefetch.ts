import { ensurePackages } from './lab/packages.ts';
import { install } from './search-server/install.ts';
import { runnableServers, SERVERS } from './search-server/servers.ts';

/** Downloads and builds what the live tests need, before them and beside something else: minutes of waiting. */
ensurePackages();
for (const name of runnableServers()) install(SERVERS[name]);
