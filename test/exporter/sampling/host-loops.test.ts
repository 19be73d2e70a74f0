import { expect, test, vi } from 'vitest';
import type { HostExporter } from '../../../exporter/host-exporter.ts';
import { HostLoops } from '../../../exporter/sampling/host-loops.ts';
import type { HostSample } from '../../../sampler/host-sample.ts';

/** A host that reports the same UUID as any other. */
function hostWith(
  sample: () => Promise<HostSample>,
): HostExporter & { noteSameId: ReturnType<typeof vi.fn> } {
  const host = {
    settings: {},
    sampler: { sample, identity: undefined },
    noteIdentity: () => undefined,
    noteSameId: vi.fn(),
    onFailure: (error: Error) => {
      throw error;
    },
  };
  return host as unknown as HostExporter & { noteSameId: ReturnType<typeof vi.fn> };
}

const sample = { identity: { uuid: '03000200-0400-0500-0006-000700080009' } } as HostSample;

function loopsOf(sampled: (host: HostExporter) => void): HostLoops {
  return new HostLoops({
    intervalMs: 10,
    meter: { countTick: () => undefined },
    targetOf: (host) => ({ sampled: async () => sampled(host), failed: async () => undefined }),
  });
}

test('two hosts that are watched at once and have one id are reported', async () => {
  const hosts = [hostWith(async () => sample), hostWith(async () => sample)] as const;
  const loops = loopsOf(() => undefined);
  await loops.watch(hosts);
  const reports = (): unknown[][] => hosts.flatMap(({ noteSameId }) => noteSameId.mock.calls);
  await vi.waitFor(() => expect(reports()).not.toEqual([]));
  await loops.watch([]);
  expect(hosts).toContain(reports()[0]?.[0]);
  expect(reports()[0]?.[1]).toBe(sample.identity?.uuid);
});

test('the last sample of a host that is no longer watched is not reported beside the first of its successor', async () => {
  const late = Promise.withResolvers<HostSample>();
  const asked = Promise.withResolvers<void>();
  const old = hostWith(() => {
    asked.resolve();
    return late.promise;
  });
  const successor = hostWith(async () => sample);
  const sampled: HostExporter[] = [];
  const loops = loopsOf((host) => sampled.push(host));
  await loops.watch([old]);
  await asked.promise;
  const changed = loops.watch([successor]);
  await vi.waitFor(() => expect(sampled).toContain(successor));
  late.resolve(sample);
  await changed;
  expect(sampled).toContain(old);
  const before = sampled.length;
  await vi.waitFor(() => expect(sampled.length).toBeGreaterThan(before));
  await loops.watch([]);
  for (const { noteSameId } of [old, successor]) expect(noteSameId).not.toHaveBeenCalled();
});
