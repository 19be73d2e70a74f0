import { child, children, type Element } from '../../model/xml.ts';
import { attributeSetting } from './declare.ts';
import { ensurePath, findPath, putAttribute, remove } from './edit.ts';
import type { Setting } from './setting.ts';
import { positive } from './values.ts';

const BALLOON = ['devices', 'memballoon'] as const;

/** libvirt adds a virtio balloon to every guest unless the model is `none`, which has no statistics and no address. */
const model: Setting = {
  id: 'balloon.model',
  title: 'memory balloon',
  on: 'domain',
  read: (domain) => findPath(domain, BALLOON)?.getAttribute('model') ?? undefined,
  write: (domain, _, value) => {
    if (value === undefined && child(domain, ...BALLOON) === undefined) return;
    const before = model.read(domain, '');
    if (value === 'none') strip(ensurePath(domain, BALLOON));
    else if (value !== undefined && before === 'none') strip(ensurePath(domain, BALLOON));
    putAttribute(domain, BALLOON, 'model', value);
  },
};

/** Whether a running domain was started without a balloon; libvirt then rejects all balloon settings. */
export function hasNoBalloon(live: Element): boolean {
  return findPath(live, BALLOON)?.getAttribute('model') === 'none';
}

function strip(balloon: Element): void {
  for (const element of children(balloon)) remove(element);
  for (const name of ['autodeflate', 'freePageReporting']) balloon.removeAttribute(name);
}

const period = attributeSetting({
  id: 'balloon.statsPeriod',
  title: 'memory statistics period, seconds',
  on: 'domain',
  path: [...BALLOON, 'stats'],
  attribute: 'period',
  canonical: positive,
  // Without a balloon there is nothing to poll; a new model takes effect at the next boot.
  live: ({ domain, to, live }) =>
    hasNoBalloon(live)
      ? undefined
      : [{ kind: 'balloonPeriod', domain, to: to === undefined ? 0 : Number(to) }],
});

export const balloonSettings = [
  model,
  attributeSetting({
    id: 'balloon.freePageReporting',
    title: 'free page reporting: pages that the guest frees return to the host',
    on: 'domain',
    path: BALLOON,
    attribute: 'freePageReporting',
  }),
  attributeSetting({
    id: 'balloon.autodeflate',
    title: 'balloon deflation when the guest runs out of memory',
    on: 'domain',
    path: BALLOON,
    attribute: 'autodeflate',
  }),
  period,
] as const;
