import { table } from './table.ts';
import { DEADLINES_HEAD, deadlines } from './trouble/deadlines.ts';
import { hostCalls } from './trouble/host-calls.ts';

/** Duration of scrapes while the host is in trouble. */
export async function trouble(): Promise<string> {
  const parts = [
    await hostCalls(),
    `## Deadlines on a simulated host in trouble\n\n${table(DEADLINES_HEAD, await deadlines())}`,
  ];
  return parts.join('\n\n');
}
