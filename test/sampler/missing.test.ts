import { expect, test } from 'vitest';
import { ErrorCode } from '../../libvirt/constants.ts';
import { RemoteError } from '../../libvirt/errors.ts';
import type { DomainSummary } from '../../model/summary.ts';
import type { DomainSample, Outcome } from '../../sampler/host-sample.ts';
import { missingOf } from '../../sampler/missing.ts';

const reasonsOf = (outcome: Outcome, over: Partial<DomainSample> = {}): string[] => {
  const sample = {
    domain: { name: 'db', uuid: 'u', id: 1 },
    summary: { uuid: 'u', state: 1 } as DomainSummary,
    facts: undefined,
    outcome,
    lastFreshAtMs: undefined,
    ...over,
  };
  return missingOf(sample, new Set(['vcpu'])).map(({ group, reason }) => `${group} ${reason}`);
};
const failed = (code: number): Outcome => ({ kind: 'error', error: new RemoteError('x', code, 0, 'no') });

test('a group that libvirt denies is denied, by either of its two errors; another error is an error', () => {
  expect(reasonsOf(failed(ErrorCode.operationDenied))).toEqual(['vcpu denied']);
  expect(reasonsOf(failed(ErrorCode.accessDenied))).toEqual(['vcpu denied']);
  expect(reasonsOf(failed(ErrorCode.internal))).toEqual(['vcpu error']);
  expect(reasonsOf({ kind: 'late' })).toEqual(['vcpu late']);
});

test('what the host and the guest agent do not report is listed behind what libvirt does not', () => {
  const local = { missing: [{ group: 'threads', reason: 'not_local' }] } as const;
  const guest = { figures: undefined, missing: [{ group: 'agent', reason: 'not_asked_yet' }] } as const;
  expect(reasonsOf({ kind: 'late' }, { local, guest })).toEqual([
    'vcpu late',
    'threads not_local',
    'agent not_asked_yet',
  ]);
});

test('drift is missing of a VM that was tuned, with the reason, and not of others', () => {
  const tuned = { tuned: { profile: 'balanced' } } as unknown as NonNullable<DomainSample['facts']>;
  const drift = { checkedAtMs: undefined, found: undefined, missing: 'unreadable' } as const;
  expect(reasonsOf({ kind: 'late' }, { facts: tuned, drift })).toContain('drift unreadable');
  expect(reasonsOf({ kind: 'late' }, { facts: tuned })).toEqual(['vcpu late']);
  const untuned = { ...tuned, tuned: undefined };
  expect(reasonsOf({ kind: 'late' }, { facts: untuned, drift })).toEqual(['vcpu late']);
});
