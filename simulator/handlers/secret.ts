import { type SimulatedSecret, secretXml } from '../secrets.ts';
import type { Handlers } from './context.ts';

const named = ({ uuid, usageType, usageId }: SimulatedSecret) => ({ secret: { uuid, usageType, usageId } });

export const secretHandlers: Handlers = {
  secretLookupByUuid: ({ host }, { uuid }) => named(host.secrets.byUuid(uuid)),
  secretLookupByUsage: ({ host }, usage) => named(host.secrets.byUsage(usage)),
  secretDefineXml: ({ host }, { xml }) => named(host.secrets.define(xml)),
  secretGetXmlDesc: ({ host }, { secret }) => ({ xml: secretXml(host.secrets.byUuid(secret.uuid)) }),
  secretUndefine({ host }, { secret }) {
    host.secrets.undefine(secret.uuid);
    return undefined;
  },
};
