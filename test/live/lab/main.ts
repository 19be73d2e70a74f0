import { rmSync } from 'node:fs';
import { killLibvirtd, libvirtdPid, startLibvirtd, stopVirtlogd } from './daemon.ts';
import { bareGuests, bootGuest, removeGuests } from './guests.ts';
import { ensurePackages } from './packages.ts';
import { LAB_DIR } from './paths.ts';
import { LabError } from './run.ts';
import { virsh } from './virsh.ts';

const HELP = `npm run lab -- up [GUESTS]   install and start libvirtd, one booted guest and GUESTS bare ones (60)
npm run lab -- down          stop and remove all of it
npm run lab -- status        what runs
`;

/** Idempotent: what already runs is not touched. */
export async function up(guests: number): Promise<void> {
  ensurePackages();
  await startLibvirtd();
  await bootGuest();
  bareGuests(guests);
}

export async function down(): Promise<void> {
  if (libvirtdPid() !== undefined) removeGuests();
  await killLibvirtd('SIGTERM');
  stopVirtlogd();
  rmSync(LAB_DIR, { recursive: true, force: true });
}

async function main([command, count = '60']: readonly string[]): Promise<void> {
  if (command === 'up' && /^\d{1,3}$/.test(count)) {
    await up(Number(count));
    console.log('The lab is up; try: npm run virtune -- exporter');
  } else if (command === 'down') await down();
  else if (command === 'status') {
    console.log(libvirtdPid() === undefined ? 'libvirtd does not run' : virsh('list', '--all'));
  } else {
    process.stderr.write(HELP);
    process.exitCode = 64;
  }
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    console.error(`lab: ${error.message}`);
    process.exitCode = 1;
  }
}
