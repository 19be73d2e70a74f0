import type { NumaHost } from './numa-host.ts';

/** A paused VM on the emulated host, and what the host's kernel reports about it. */
export class NumaGuest {
  readonly name: string;
  readonly #host: NumaHost;

  constructor(host: NumaHost, name: string) {
    this.#host = host;
    this.name = name;
  }

  /** `backing`: `<memoryBacking>`, `<numatune>` and similar elements. */
  async define(vcpus: number, memoryMiB: number, backing = ''): Promise<void> {
    const image = `/var/lib/libvirt/images/${this.name}.img`;
    await this.#host.must(`qemu-img create -q -f raw ${image} 64M`);
    await this.#host.must(
      'virsh -q define /dev/stdin',
      `<domain type='kvm'>
  <name>${this.name}</name>
  <memory unit='MiB'>${memoryMiB}</memory>
  <vcpu>${vcpus}</vcpu>
  ${backing}
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='writeback'/><source file='${image}'/><target dev='vda' bus='virtio'/>
    </disk>
    <controller type='scsi' model='virtio-scsi'/>
    <memballoon model='virtio'/>
  </devices>
</domain>
`,
    );
  }

  /** Does not run a single instruction of the guest, which would be emulated by TCG inside TCG. */
  async start(): Promise<void> {
    await this.#host.must(`virsh -q start --paused ${this.name}`);
  }

  async remove(): Promise<void> {
    await this.#host.sh(`virsh -q destroy ${this.name}; virsh -q undefine ${this.name}`);
  }

  /** The command line of the running QEMU. */
  commandLine(): Promise<string> {
    return this.#host.must(`tr '\\0' ' ' </proc/${this.#pid}/cmdline`);
  }

  /** Its definition for the next boot, byte for byte as libvirt prints it. */
  inactive(): Promise<string> {
    return this.#host.must(`virsh -q dumpxml --inactive --security-info ${this.name}`);
  }

  get #pid(): string {
    return `$(cat /run/libvirt/qemu/${this.name}.pid)`;
  }

  /** `Cpus_allowed_list` of QEMU's main thread, its vCPUs and iothreads, by name. */
  async affinity(): Promise<Record<string, string>> {
    const text = await this.#host.must(
      `cd /proc/${this.#pid}/task && for t in *; do echo "$(cat $t/comm):$(grep Cpus_allowed_list $t/status)"; done`,
    );
    const lines = [...text.matchAll(/^(qemu-system|CPU \d+|IO iothread\d+).*:.*:\s*(\S+)$/gm)];
    return Object.fromEntries(lines.map(([, thread = '', cpus = '']) => [thread, cpus]));
  }

  /** Its mappings of huge pages: the memory policy of each, and pages by cell (proc_pid_numa_maps(5)). */
  async hugePages(): Promise<{ readonly policy: string; readonly pages: Record<string, number> }[]> {
    const text = await this.#host.must(`grep 'kernelpagesize_kB=2048' /proc/${this.#pid}/numa_maps || true`);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({
        policy: line.split(' ')[1] ?? '',
        pages: Object.fromEntries(
          [...line.matchAll(/ (N\d+)=(\d+)/g)].map(([, cell = '', count]) => [cell, Number(count)]),
        ),
      }));
  }

  /** Bytes of its process in huge pages of both kinds, including transparent ones. */
  async hugeBytes(): Promise<number> {
    const text = await this.#host.must(`cat /proc/${this.#pid}/smaps_rollup`);
    const lines = text.matchAll(/^(?:AnonHugePages|Private_Hugetlb|Shared_Hugetlb): +(\d+)/gm);
    return [...lines].reduce((sum, [, kib]) => sum + Number(kib) * 1_024, 0);
  }

  /** KiB of its process by NUMA node, all pages of all mappings. */
  async memoryByNode(): Promise<Record<string, number>> {
    const text = await this.#host.must(`cat /proc/${this.#pid}/numa_maps`);
    const sums: Record<string, number> = {};
    for (const line of text.split('\n')) {
      const pageKiB = Number(/kernelpagesize_kB=(\d+)/.exec(line)?.[1] ?? 4);
      for (const [, node = '', pages] of line.matchAll(/ N(\d+)=(\d+)/g))
        sums[node] = (sums[node] ?? 0) + Number(pages) * pageKiB;
    }
    return sums;
  }

  /** Reads a file of the control group of the whole VM (cgroup v2). */
  scopeFile(file: string): Promise<string> {
    return this.#host.must(
      `cat "/sys/fs/cgroup$(sed -n s/^0:://p /proc/${this.#pid}/cgroup | sed 's,/libvirt/.*,,')/${file}"`,
    );
  }

  /** Reads a file of libvirt's control group inside that of the whole VM (cgroup v2). */
  limitFile(file: string): Promise<string> {
    return this.#host.must(
      `cat "/sys/fs/cgroup$(dirname "$(sed -n s/^0:://p /proc/${this.#pid}/cgroup)")/${file}"`,
    );
  }

  /** Reads a file of each of its inner control groups (cgroup v2), by group: `vcpu0`, `emulator`. */
  async cgroup(file: string): Promise<Record<string, string>> {
    const text = await this.#host.must(
      `cd "/sys/fs/cgroup$(dirname "$(sed -n s/^0:://p /proc/${this.#pid}/cgroup)")" && grep -H . */${file}`,
    );
    const lines = text.matchAll(/^(\w+)\/[^:]+:(.*)$/gm);
    return Object.fromEntries([...lines].map(([, group = '', value = '']) => [group, value]));
  }
}
