import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { expect, test } from 'vitest';
import { startDemo } from '../../simulator/demo.ts';
import { VirtuneProcess } from '../virtune-process.ts';

test('an exporter with passwords answers those who know one, and ends when it is asked to', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-auth-'));
  const file = join(folder, 'web.yml');
  writeFileSync(file, `basic_auth_users: { prometheus: "${hashSync('right', 4)}" }\n`);
  const demo = await startDemo();
  const args = ['-c', demo.uri, '--listen', '127.0.0.1:0', '--web.config.file', file];
  const exporter = new VirtuneProcess('exporter', ...args);
  try {
    const url = await exporter.url();
    const status = async (headers: Record<string, string>): Promise<number> => {
      const response = await fetch(`${url}/metrics`, { headers });
      await response.text();
      return response.status;
    };
    const as = (password: string): Record<string, string> => ({
      authorization: `Basic ${Buffer.from(`prometheus:${password}`).toString('base64')}`,
    });
    expect(await status(as('right'))).toBe(200);
    expect(await status(as('wrong'))).toBe(401);
    expect(await status({})).toBe(401);
    expect((await exporter.stop()).code).toBe(0);
  } finally {
    await exporter.stop('SIGKILL');
    await demo.stop();
    rmSync(folder, { recursive: true });
  }
});
