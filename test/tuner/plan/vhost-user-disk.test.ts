import { expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import { OnSimulator } from '../on-simulator.ts';

const HOST = {
  name: 'vhost-user',
  description: 'a VM with a disk of QEMU and one that another process serves',
  host: { sockets: 1, coresPerSocket: 8, memoryGiB: 64 },
  vms: [
    {
      name: 'db',
      workload: 'oltp',
      vcpus: 2,
      memoryMiB: 2_048,
      disks: ['vda', 'vdb'].map((target) => ({ target, sizeGiB: 50, format: 'raw' })),
    },
  ],
};
const PROFILES = {
  limited: {
    title: 'limited',
    knobs: { 'disk.iotune.totalIopsSec': { value: 700, why: 'a test wants it', source: 'judgement' } },
  },
};
const VHOST_USER =
  "<disk type='vhostuser' device='disk'><driver name='qemu' type='raw'/><source type='unix' path='/run/vhost.sock'/><target dev='vdb' bus='virtio'/></disk>";

test('a limit of all disks leaves out the one that another process serves, and holds for the others', async () => {
  const host = await OnSimulator.start(HOST, { profiles: PROFILES });
  try {
    const vm = host.demo.daemon.vm('db');
    const disks = host.definition('db').match(/ *<disk [\s\S]*?<\/disk>/g) ?? [];
    const second = disks.find((disk) => disk.includes("dev='vdb'")) ?? '';
    vm.define(host.definition('db').replace(second, VHOST_USER));
    vm.stop(0);
    vm.start(7);
    const plan = await host.plan('db', 'limited', false);
    expect(
      plan.domains[0]?.rows.map(({ wish, verdict }) => [
        wish.target,
        verdict.kind === 'impossible' ? verdict.problem.code : verdict.kind,
      ]),
    ).toEqual([
      ['vda', 'live'],
      ['vdb', 'DISK_ELSEWHERE'],
    ]);
    expect((await host.apply(plan)).failure).toBeUndefined();
    for (const inactive of [true, false])
      expect(vm.xml({ inactive, secure: true }).match(/total_iops_sec/g)).toHaveLength(2);

    const connection = await connect(host.demo.uri, { readOnly: false });
    const xml = host
      .definition('db')
      .replace("path='/run/vhost.sock'/>", '$&<iotune><read_iops_sec>5</read_iops_sec></iotune>');
    await expect(connection.call('domainDefineXmlFlags', { xml, flags: 0 })).rejects.toThrow(
      'iotune is not supported with vhostuser disk',
    );
    await connection.close();
  } finally {
    await host.stop();
  }
});
