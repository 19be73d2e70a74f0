import { ErrorCode } from '../../libvirt/constants.ts';
import { CallFailure } from '../call-failure.ts';
import { seededRandom, seedOf } from '../random.ts';
import { escapeXml } from '../xml/format.ts';
import { find, type HandlerContext, type Handlers } from './context.ts';

const POOL_NAME = 'images';
const POOL_PATH = '/var/lib/libvirt/images';
const POOL_CAPACITY_BYTES = 8 * 2 ** 40;

function thePool(context: HandlerContext): { name: string; uuid: string } {
  const random = seededRandom(seedOf(context.host.name));
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
  return { name: POOL_NAME, uuid: hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5') };
}

function requirePool(context: HandlerContext, pool: { uuid: string }): void {
  if (pool.uuid !== thePool(context).uuid) {
    throw new CallFailure(ErrorCode.noStoragePool, 'Storage pool not found', 18);
  }
}

interface Volume {
  readonly key: string;
  readonly name: string;
  readonly capacityBytes: number;
}

function volumes({ host }: HandlerContext): Volume[] {
  return host.vms.flatMap((vm) =>
    vm.facts.disks
      .filter(({ path }) => path.startsWith(`${POOL_PATH}/`))
      .map(({ path: key, sizeGiB }) => ({
        key,
        name: key.slice(POOL_PATH.length + 1),
        capacityBytes: sizeGiB * 2 ** 30,
      })),
  );
}

function volumeByKey(context: HandlerContext, key: string): Volume {
  const volume = volumes(context).find((each) => each.key === key);
  if (volume === undefined)
    throw new CallFailure(ErrorCode.noStorageVol, `Storage volume not found: ${key}`, 18);
  return volume;
}

const info = ({ capacityBytes }: Volume) => ({
  type: 0,
  capacityBytes,
  allocationBytes: Math.round(capacityBytes * 0.6),
});

export const storageHandlers: Handlers = {
  connectListAllStoragePools: (context, { needResults }) => ({
    pools: needResults === 0 ? [] : [thePool(context)],
    count: 1,
  }),
  storagePoolLookupByName(context, { name }) {
    if (name !== POOL_NAME)
      throw new CallFailure(ErrorCode.noStoragePool, `Storage pool not found: '${name}'`, 18);
    return { pool: thePool(context) };
  },
  storagePoolLookupByUuid(context, { uuid }) {
    requirePool(context, { uuid });
    return { pool: thePool(context) };
  },
  storagePoolGetInfo(context, { pool }) {
    requirePool(context, pool);
    const allocationBytes = volumes(context).reduce((sum, volume) => sum + info(volume).allocationBytes, 0);
    return {
      state: 2,
      capacityBytes: POOL_CAPACITY_BYTES,
      allocationBytes,
      availableBytes: Math.max(0, POOL_CAPACITY_BYTES - allocationBytes),
    };
  },
  storagePoolGetXmlDesc(context, { pool }) {
    requirePool(context, pool);
    const xml = `<pool type='dir'><name>${POOL_NAME}</name><uuid>${pool.uuid}</uuid><target><path>${POOL_PATH}</path></target></pool>`;
    return { xml };
  },
  storagePoolRefresh(context, { pool }) {
    requirePool(context, pool);
    context.emit('poolRefresh', { pool: thePool(context) });
    return undefined;
  },
  storagePoolIsActive(context, { pool }) {
    requirePool(context, pool);
    return { active: true };
  },
  storagePoolListAllVolumes(context, { pool }) {
    requirePool(context, pool);
    const list = volumes(context).map(({ name, key }) => ({ pool: POOL_NAME, name, key }));
    return { volumes: list, count: list.length };
  },
  storageVolGetInfo: (context, { volume }) => info(volumeByKey(context, volume.key)),
  storageVolGetInfoFlags: (context, { volume }) => info(volumeByKey(context, volume.key)),
  storageVolGetXmlDesc(context, { volume }) {
    const { name, key, capacityBytes } = volumeByKey(context, volume.key);
    return {
      xml: `<volume type='file'><name>${escapeXml(name)}</name><key>${escapeXml(key)}</key><capacity unit='bytes'>${capacityBytes}</capacity></volume>`,
    };
  },
  storageVolGetPath: (context, { volume }) => ({ path: volumeByKey(context, volume.key).key }),
  storageVolLookupByPath(context, { path }) {
    const { name, key } = volumeByKey(context, path);
    return { volume: { pool: POOL_NAME, name, key } };
  },
  domainListAllSnapshots(context, { domain }) {
    const names = [...find(context, domain).snapshots.keys()];
    return { snapshots: names.map((name) => ({ name, domain })), count: names.length };
  },
  domainSnapshotGetXmlDesc(context, { snapshot: { name, domain } }) {
    const madeAt = find(context, domain).snapshots.get(name);
    if (madeAt === undefined) {
      throw new CallFailure(ErrorCode.noDomainSnapshot, `Domain snapshot not found: ${name}`, 10);
    }
    return {
      xml: `<domainsnapshot><name>${escapeXml(name)}</name><creationTime>${madeAt}</creationTime></domainsnapshot>`,
    };
  },
  domainSnapshotNum(context, { domain }) {
    return { count: find(context, domain).snapshots.size };
  },
};
