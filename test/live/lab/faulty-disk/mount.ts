import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type Control, control, newControls, setControl } from './controls.ts';

/* A process that is a disk: `node mount.ts FOLDER SIZE_KIB`. Its parent controls it by messages. */

const [folder = '', sizeKiB = '0'] = process.argv.slice(2);
const controls = newControls();
setControl(controls, 'capacityKiB', Number(sizeKiB));

const fd = openSync('/dev/fuse', 'r+');
new Worker(new URL('serve.ts', import.meta.url), { workerData: { fd, controls } });

process.on('message', ([name, value]: readonly [Control, number]) => {
  setControl(controls, name, value);
  if (name === 'isStopped' && value === 1) void park().then(() => process.send?.('done'));
  else process.send?.('done');
});

/** The thread waits in a read of /dev/fuse: it gets something to read, answers that, and reads nothing more. */
async function park(): Promise<void> {
  spawn('stat', [folder], { stdio: 'ignore' });
  while (control(controls, 'isParked') === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
// The disk is gone with the one who controls it.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

// The thread answers already: mount(8) looks at what it has mounted.
const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions';
const mounting = spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'virtune-faulty-disk', folder], {
  stdio: ['ignore', 'inherit', 'inherit', fd],
});
mounting.once('close', (code) => {
  if (code !== 0) process.exit(1);
  process.send?.('mounted');
});
