import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabError, run, sleep } from './run.ts';
import { softwareDisk } from './software-disk.ts';

/** Building the disk takes minutes, so it is kept until numa-image.sh changes. */
const IMAGE_DIR = process.env['VIRTUNE_NUMA_HOST_DIR'] ?? '/var/cache/virtune-numa-host';
/** Mount point of the software disk in the host: node and virtune's package. */
const SOFTWARE = '/opt';
const BOOT_MS = 900_000;
/**
 * libvirt probes the capabilities of QEMU when it starts. On a busy machine QEMU answers too late, and libvirt then has
 * cached a QEMU without machine types until the cache is removed.
 */
const READY = `virsh -q domcapabilities --machine q35 --virttype kvm >/dev/null ||
  { rm -rf /var/cache/libvirt/qemu/capabilities; systemctl restart libvirtd; exit 1; }`;

/** Result of a program: its exit status and its output. */
export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A whole emulated KVM host, for what this machine lacks: two sockets with a NUMA cell each (2 GiB, distance 21), two
 * cores with two threads in each, systemd, cgroup v2, and Debian 13 with the libvirt of its backports. Its guests run
 * under TCG inside TCG and are very slow, so tests only look at them from outside. On this machine it uses only a QEMU
 * process, a temporary folder and a port on loopback.
 */
export class NumaHost {
  readonly #qemu: ChildProcess;
  readonly #dir: string;
  readonly #port: number;

  private constructor(qemu: ChildProcess, dir: string, port: number) {
    this.#qemu = qemu;
    this.#dir = dir;
    this.#port = port;
  }

  /** Builds the disk if there is none yet (minutes), and boots; resolves when ssh answers (about 80 s). */
  static async boot(): Promise<NumaHost> {
    await makeImage();
    const dir = mkdtempSync(join(tmpdir(), 'virtune-numa-'));
    const disk = join(dir, 'disk.qcow2');
    run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', join(IMAGE_DIR, 'disk.img'), '-F', 'raw', disk]);
    const software = softwareDisk(dir);
    const port = await freePort();
    const log = openSync(join(dir, 'qemu.log'), 'w');
    // It ends with this process, however that ends.
    const qemu = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...machine(dir, disk, software, port)],
      {
        stdio: ['ignore', log, log],
      },
    );
    const host = new NumaHost(qemu, dir, port);
    try {
      await host.#answers();
      await host.must(`mount -o ro /dev/vdb ${SOFTWARE}`);
    } catch (error) {
      await host.stop();
      throw error;
    }
    return host;
  }

  async #answers(): Promise<void> {
    const endMs = performance.now() + BOOT_MS;
    while (performance.now() < endMs) {
      if (this.#qemu.exitCode !== null) {
        throw new LabError(
          `the emulated host's QEMU ended: ${readFileSync(join(this.#dir, 'qemu.log'), 'utf8')}`,
        );
      }
      if ((await this.sh(READY)).status === 0) return;
      await sleep(2_000);
    }
    const console_ = readFileSync(join(this.#dir, 'console.log'), 'utf8').slice(-2_000);
    throw new LabError(`the emulated host did not answer for ${BOOT_MS / 1_000} s; its console: ${console_}`);
  }

  /** A shell command on the host, as root. */
  sh(command: string, input = ''): Promise<Ended> {
    const options = {
      StrictHostKeyChecking: 'no',
      UserKnownHostsFile: '/dev/null',
      LogLevel: 'ERROR',
      ConnectTimeout: '30',
      // A handshake takes seconds on an emulated CPU: all commands share one connection.
      ControlMaster: 'auto',
      ControlPath: join(this.#dir, 'ssh'),
      ControlPersist: '600',
    };
    const args = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    return new Promise((resolve) => {
      const child = execFile(
        'ssh',
        [...args, '-i', join(IMAGE_DIR, 'key'), '-p', String(this.#port), 'root@127.0.0.1', command],
        { maxBuffer: 64 * 1024 * 1024 },
        (error, stdout, stderr) =>
          resolve({
            status: error === null ? 0 : typeof error.code === 'number' ? error.code : 255,
            stdout,
            stderr,
          }),
      );
      child.stdin?.end(input);
    });
  }

  /** The same; returns its output. @throws LabError when it fails */
  async must(command: string, input = ''): Promise<string> {
    const { status, stdout, stderr } = await this.sh(command, input);
    if (status === 0) return stdout.trim();
    throw new LabError(
      `${command} on the emulated host ended with ${status}: ${stderr.trim() || stdout.trim()}`,
    );
  }

  /** Runs the packaged `virtune` command on the host. */
  virtune(...args: readonly string[]): Promise<Ended> {
    const words = args.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
    return this.sh(`${SOFTWARE}/node ${SOFTWARE}/virtune/dist/cli/virtune.js ${words.join(' ')}`);
  }

  /** Kills it without a shutdown and discards changes of its disk. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#qemu.once('exit', resolve));
    if (this.#qemu.exitCode === null && this.#qemu.signalCode === null) {
      await new Promise((resolve) =>
        execFile(
          'ssh',
          ['-O', 'exit', '-o', `ControlPath=${join(this.#dir, 'ssh')}`, 'root@127.0.0.1'],
          resolve,
        ),
      );
      this.#qemu.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

async function makeImage(): Promise<void> {
  mkdirSync(IMAGE_DIR, { recursive: true });
  const script = join(import.meta.dirname, 'numa-image.sh');
  if (!existsSync(join(IMAGE_DIR, 'made')))
    console.error('lab: making the disk of the emulated host, which takes minutes');
  await new Promise<void>((resolve, reject) => {
    execFile('bash', [script, IMAGE_DIR], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout) =>
      error === null
        ? resolve()
        : reject(new LabError(`${script} failed: ${error.message}\n${stdout.slice(-2_000)}`)),
    );
  });
}

/** QEMU's arguments, which define the whole host. */
function machine(dir: string, disk: string, software: string, port: number): string[] {
  const cells = [0, 1].flatMap((cell) => [
    '-object',
    `memory-backend-ram,size=2G,id=m${cell}`,
    '-numa',
    `node,nodeid=${cell},cpus=${cell * 4}-${cell * 4 + 3},memdev=m${cell}`,
  ]);
  return [
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-M', 'q35', '-m', '4G'],
    ...['-smp', '8,sockets=2,cores=2,threads=2', ...cells, '-numa', 'dist,src=0,dst=1,val=21'],
    ...['-drive', `file=${disk},if=virtio,format=qcow2,cache=unsafe`],
    ...['-drive', `file=${software},if=virtio,format=raw,readonly=on`],
    ...['-kernel', join(IMAGE_DIR, 'vmlinuz'), '-initrd', join(IMAGE_DIR, 'initrd.img')],
    ...['-append', 'root=/dev/vda rw console=ttyS0 quiet'],
    ...['-nic', `user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`],
    ...['-display', 'none', '-monitor', 'none', '-serial', `file:${join(dir, 'console.log')}`],
  ];
}

/** A port on loopback that is currently unused. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null
          ? resolve(address.port)
          : reject(new LabError('there is no free port on loopback')),
      );
    });
  });
}
