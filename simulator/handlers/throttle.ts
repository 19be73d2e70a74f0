import { ErrorCode } from '../../libvirt/constants.ts';
import { attr, child, children, type Element, text } from '../../model/xml.ts';
import { CallFailure } from '../call-failure.ts';
import { ioTune } from '../parameters/block.ts';
import { checkParams, invalidArgument } from '../parameters/group.ts';
import { add, ensure, remove, setText } from '../xml/edit.ts';
import { find, type Handlers } from './context.ts';
import { affected, editEach } from './impact.ts';

const groupOf = (domain: Element, name: string): Element | undefined =>
  children(child(domain, 'throttlegroups'), 'throttlegroup').find(
    (group) => text(child(group, 'group_name')) === name,
  );

/** The disk that has the group among its filters. */
function userOf(domain: Element, name: string): string | undefined {
  const disk = children(child(domain, 'devices'), 'disk').find((each) =>
    children(child(each, 'throttlefilters'), 'throttlefilter').some(
      (filter) => attr(filter, 'group') === name,
    ),
  );
  return disk && attr(child(disk, 'target'), 'dev');
}

/** Limits that several disks share, since libvirt 11.2. */
export const throttleHandlers: Handlers = {
  domainSetThrottleGroup(context, { domain, group: name, params, flags }) {
    const vm = find(context, domain);
    checkParams(params, ioTune.fields);
    editEach(affected(vm, flags), (root) => {
      let group = groupOf(root, name);
      if (group === undefined) {
        group = add(ensure(root, 'throttlegroups'), 'throttlegroup');
        add(group, 'group_name', {}, name);
      }
      for (const { field, value } of params)
        if (field !== 'group_name') setText(ensure(group, field), String(value));
    });
    return undefined;
  },
  domainDelThrottleGroup(context, { domain, group: name = '', flags }) {
    const targets = affected(find(context, domain), flags);
    for (const description of [targets.live, targets.config]) {
      const user = description && userOf(description.read(), name);
      if (user !== undefined)
        throw invalidArgument(`throttle group '${name}' is still being used by disk ${user}`);
    }
    if (targets.live !== undefined && groupOf(targets.live.read(), name) === undefined) {
      throw new CallFailure(
        ErrorCode.internal,
        `internal error: unable to execute QEMU command 'object-del': object 'throttle-${name}' not found`,
      );
    }
    editEach(targets, (root) => remove(groupOf(root, name)));
    return undefined;
  },
};
