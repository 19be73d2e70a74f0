import { expect, test } from 'vitest';
import { ErrorCode } from '../../../libvirt/constants.ts';
import { CONFIG, codeOf, LIVE, type Throwaway } from './throwaway.ts';

/** Updating a device: what changes, what is refused, and what is reported as done without effect. */
export function deviceContract(make: () => Throwaway): void {
  const partOf = async (name: string): Promise<string> => {
    const [found = ''] = new RegExp(`<${name} [\\s\\S]*?</${name}>`).exec(await make().live()) ?? [];
    return found;
  };
  const update = async (xml: string, flags: number) =>
    make().connection.call('domainUpdateDeviceFlags', { domain: await make().find(), xml, flags });
  const running = () =>
    make().have(
      { more: '<iothreads>2</iothreads>', disks: make().disk("cache='none' discard='unmap' iothread='1'") },
      'running',
    );

  test('of a running disk, queues and zero detection are answered with success, and nothing changes', async () => {
    await running();
    const before = await make().live();
    const disk = await partOf('disk');
    for (const more of ["queues='2'", "queue_size='256'", "detect_zeroes='on'", "bogus='1'"])
      await update(disk.replace("iothread='1'", `iothread='1' ${more}`), LIVE);
    expect(await make().live()).toBe(before);
  });

  test('of a running disk, other fields are refused by name', async () => {
    await running();
    const disk = await partOf('disk');
    const changes: readonly [from: string, to: string][] = [
      ["cache='none'", "cache='writeback'"],
      ["cache='none'", "cache='none' io='native'"],
      ["discard='unmap'", "discard='ignore'"],
      ["iothread='1'", "iothread='2'"],
      ["iothread='1'", "iothread='1' copy_on_read='on'"],
      ['</disk>', '<serial>x</serial></disk>'],
    ];
    for (const [from, to] of changes)
      expect([to, await codeOf(update(disk.replace(from, to), LIVE))]).toEqual([
        to,
        ErrorCode.operationUnsupported,
      ]);
    expect(await codeOf(update(disk.replace('vda', 'vdq'), LIVE))).toBe(ErrorCode.internal);
    expect(await codeOf(update(disk.replace("bus='virtio'", "bus='sata'"), LIVE))).toBe(
      ErrorCode.configUnsupported,
    );
  });

  test('of a definition, each of them is changed', async () => {
    await running();
    const disk = await partOf('disk');
    await update(disk.replace("iothread='1'", "iothread='2' queues='2' detect_zeroes='unmap'"), CONFIG);
    expect(await make().both('devices', 'disk', 'driver', '@queues')).toEqual({ live: '-', config: '2' });
    expect(await make().both('devices', 'disk', 'driver', '@iothread')).toEqual({ live: '1', config: '2' });
    expect(await make().inactive()).not.toContain('<alias');
  });

  test('of a running NIC, its driver, model and MTU are refused; its link can be cut', async () => {
    await running();
    const nic = await partOf('interface');
    const model = "<model type='virtio'/>";
    for (const to of [`${model}<driver queues='2'/>`, "<model type='e1000e'/>", `${model}<mtu size='1400'/>`])
      expect(await codeOf(update(nic.replace(model, to), LIVE))).toBe(ErrorCode.operationUnsupported);
    await update(nic.replace(model, `${model}<link state='down'/>`), LIVE);
    expect(await make().both('devices', 'interface', 'link', '@state')).toEqual({
      live: 'down',
      config: '-',
    });
    await update(nic.replace(model, `${model}<driver queues='2'/>`), CONFIG);
    expect(await make().both('devices', 'interface', 'driver', '@queues')).toEqual({
      live: '-',
      config: '2',
    });
  });

  test('other devices cannot be updated, and an unknown device is an error', async () => {
    await running();
    expect(await codeOf(update("<memballoon model='virtio'/>", LIVE))).toBe(ErrorCode.configUnsupported);
    expect(await codeOf(update('<junk/>', LIVE))).toBe(ErrorCode.configUnsupported);
  });
}
