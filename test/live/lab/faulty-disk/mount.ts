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

/** The serving thread blocks in a read of /dev/fuse: makes it receive a request, answer it, and read no further one. */
async function park(): Promise<void> {
  spawn('stat', [folder], { stdio: 'ignore' });
  while (control(controls, 'isParked') === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
// Ends together with the parent.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

// The thread must already answer: mount(8) examines what it has mounted.
const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions';
const mounting = spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'virtune-faulty-disk', folder], {
  stdio: ['ignore', 'inherit', 'inherit', fd],
});
mounting.once('close', (code) => {
  if (code !== 0) process.exit(1);
  process.send?.('mounted');
});
