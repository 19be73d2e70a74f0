import { ErrorCode, LifecycleEvent } from '../../libvirt/constants.ts';
import { CallFailure } from '../call-failure.ts';
import { notValid } from '../parameters/group.ts';
import { unknownVm } from '../scenario.ts';
import { SimulatedVm } from '../vm.ts';
import { identityOf, normalise } from '../xml/definition.ts';
import { formatDomain } from '../xml/format.ts';
import { find, type Handlers } from './context.ts';

/** virDomainDefineFlags */
const VALIDATE = 1;
/** virDomainEventDefinedDetailType */
const ADDED = 0;
const UPDATED = 1;

const failed = (message: string): CallFailure =>
  new CallFailure(ErrorCode.operationFailed, `operation failed: ${message}`, 20);

export const definitionHandlers: Handlers = {
  domainDefineXmlFlags(context, { xml, flags }) {
    const { host } = context;
    const root = normalise(xml, {
      release: host.release,
      validate: (flags & VALIDATE) !== 0,
      newUuid: () => host.newUuid(),
    });
    const { name, uuid } = identityOf(root);
    const known = host.byUuid(uuid);
    const namesake = host.byName(name);
    if (known !== undefined && known.name !== name)
      throw failed(`domain '${known.name}' is already defined with uuid ${uuid}`);
    if (known === undefined && namesake !== undefined)
      throw failed(`domain '${name}' already exists with uuid ${namesake.uuid}`);
    const definition = { uuid, xml: formatDomain(root) };
    const vm = known ?? new SimulatedVm(unknownVm(name), host, -1, definition);
    if (known === undefined) host.add(vm);
    else vm.define(definition.xml);
    context.emit('lifecycle', {
      domain: vm.domain,
      event: LifecycleEvent.defined,
      detail: known === undefined ? ADDED : UPDATED,
    });
    return { domain: vm.domain };
  },
  domainUndefineFlags(context, { domain }) {
    const vm = find(context, domain);
    if (!vm.persistent) throw notValid('cannot undefine transient domain');
    if (!vm.active) context.host.remove(vm);
    else vm.definition = undefined;
    context.emit('lifecycle', { domain: vm.domain, event: LifecycleEvent.undefined, detail: 0 });
    return undefined;
  },
};
