import { expect, test } from 'vitest';
import { ClosedError, RemoteError } from '../../libvirt/errors.ts';
import { Background } from '../../sampler/background-read.ts';
import { Capabilities } from '../../sampler/host/capabilities.ts';
import type { AskHost } from '../../sampler/host/host-connections.ts';
import { settled } from './fake-connection.ts';

const XML = `<capabilities><host><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><topology><cells><cell id='0'>
  <cpus><cpu id='0' socket_id='0' core_id='0'/></cpus></cell></cells></topology></host></capabilities>`;

/** Answers with each of these in turn: a text, or an error. */
function capabilitiesOf(wantsTopology: boolean, ...answers: readonly (string | Error)[]) {
  const clock = { nowMs: 0 };
  const background = new Background();
  let asked = 0;
  const ask = (async () => {
    const answer = answers[asked++];
    if (typeof answer !== 'string') throw answer;
    return { xml: answer };
  }) as AskHost;
  const capabilities = new Capabilities({ ask, background, wantsTopology, steadyMs: () => clock.nowMs });
  const tick = async (): Promise<void> => {
    capabilities.startTick();
    await settled(background);
  };
  return { capabilities, clock, tick, asked: () => asked };
}

test('one call brings the topology and the identity of the host, and says so when it came', async () => {
  const { capabilities, tick } = capabilitiesOf(true, XML);
  let calls = 0;
  capabilities.onTopology = () => calls++;
  expect([capabilities.hasAnswered, capabilities.isAsked]).toEqual([false, true]);
  await tick();
  expect(capabilities.topology?.cells.map(({ id }) => id)).toEqual([0]);
  expect(capabilities.uuid).toBe('6695eb01-f6a4-8304-79aa-97f2502e193f');
  expect([capabilities.hasAnswered, calls]).toEqual([true, 1]);
  capabilities.forget();
  expect([capabilities.hasAnswered, capabilities.uuid]).toEqual([false, undefined]);
});

test('it is read again after five minutes where the topology is wanted, and never where only the identity is', async () => {
  for (const [wantsTopology, times] of [
    [true, 2],
    [false, 1],
  ] as const) {
    const { capabilities, clock, tick, asked } = capabilitiesOf(wantsTopology, XML, XML);
    await tick();
    clock.nowMs = 299_999;
    await tick();
    expect(asked()).toBe(1);
    clock.nowMs = 300_000;
    await tick();
    expect(asked()).toBe(times);
    expect(capabilities.topology === undefined).toBe(!wantsTopology);
    expect(capabilities.isAsked).toBe(wantsTopology);
  }
});

test('a daemon that refuses has answered; a connection that is lost has not', async () => {
  const refused = capabilitiesOf(true, new RemoteError('x', 38, 0, 'no'));
  await refused.tick();
  expect(refused.capabilities.hasAnswered).toBe(true);
  expect(refused.capabilities.status.reason).toBe('error');
  const lost = capabilitiesOf(true, new ClosedError('gone'));
  await lost.tick();
  expect(lost.capabilities.hasAnswered).toBe(false);
  expect(lost.capabilities.status.reason).toBe('no_connection');
});

test('a refusal keeps the identity that was read before', async () => {
  const { capabilities, clock, tick } = capabilitiesOf(true, XML, new RemoteError('x', 38, 0, 'no'));
  await tick();
  clock.nowMs = 300_000;
  await tick();
  expect(capabilities.uuid).toBe('6695eb01-f6a4-8304-79aa-97f2502e193f');
  expect(capabilities.topology).toBeUndefined();
});
