import { z } from 'zod';
import { Impact } from '../../../libvirt/constants.ts';
import { parseDomainTree } from '../../../model/domain/domain-tree.ts';
import { attr, child, wholeNumber } from '../../../model/xml.ts';
import { handle, quoted } from '../domain-run.ts';
import { liveSetting, plainly } from '../live-setting.ts';
import type { StepDomain } from '../step.ts';
import type { StepHost } from '../step-host.ts';

/** A guest returns memory as fast as it can free it; after this time it is not going to. */
const BALLOON_MS = 30_000;
const ASK_EVERY_MS = 250;

/** Seconds; 0: no polling of the guest's memory statistics. */
export const balloonPeriod = liveSetting('balloonPeriod', z.number(), {
  home: 'run',
  async get(host, { domain }) {
    const { xml } = await host.call('domainGetXmlDesc', { domain: handle(domain), flags: 0 });
    const root = parseDomainTree(`the XML of domain ${quoted(domain)}`, xml);
    return wholeNumber(attr(child(root, 'devices', 'memballoon', 'stats'), 'period')) ?? 0;
  },
  set: (host, { domain }, to) =>
    host.call('domainSetMemoryStatsPeriod', {
      domain: handle(domain),
      periodSeconds: to,
      flags: Impact.live,
    }),
  differs: plainly,
});

/** KiB that the guest has: the actual size of its balloon, not the requested one. */
export const balloonSize = liveSetting('balloonSize', z.number(), {
  home: 'run',
  get: (host, { domain }) => memoryKiB(host, domain),
  async set(host, { domain }, to) {
    await host.call('domainSetMemoryFlags', {
      domain: handle(domain),
      memoryKiB: to,
      flags: Impact.live,
    });
    host.say(`waiting for the balloon of ${quoted(domain)} to reach ${to} KiB`);
    const endMs = host.nowMs() + BALLOON_MS;
    while ((await memoryKiB(host, domain)) !== to && host.nowMs() < endMs) await host.wait(ASK_EVERY_MS);
  },
  differs: plainly,
});

async function memoryKiB(host: StepHost, domain: StepDomain): Promise<number> {
  const info = await host.call('domainGetInfo', { domain: handle(domain) });
  return Number(info.memoryKiB);
}
