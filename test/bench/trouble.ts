import { hostCalls } from './trouble/host-calls.ts';

/** What a scrape takes while the host is in trouble. */
export async function trouble(): Promise<string> {
  return hostCalls();
}
