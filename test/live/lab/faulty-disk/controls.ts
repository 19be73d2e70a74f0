/** The disk's current faults: numbers by name, in memory that two threads share. */
const CONTROLS = [
  'delayMs',
  'readErrno',
  'writeErrno',
  'unreadableNode',
  'isHeld',
  'isStopped',
  'isParked',
  'capacityKiB',
] as const;
export type Control = (typeof CONTROLS)[number];

export type Controls = Int32Array<SharedArrayBuffer>;

export function newControls(): Controls {
  return new Int32Array(new SharedArrayBuffer(CONTROLS.length * Int32Array.BYTES_PER_ELEMENT));
}

export function setControl(controls: Controls, name: Control, value: number): void {
  Atomics.store(controls, CONTROLS.indexOf(name), value);
  Atomics.notify(controls, CONTROLS.indexOf(name));
}

export function control(controls: Controls, name: Control): number {
  return Atomics.load(controls, CONTROLS.indexOf(name));
}

/** Blocks the thread for as long as this is set. */
export function waitWhile(controls: Controls, name: 'isHeld' | 'isStopped'): void {
  while (control(controls, name) !== 0) Atomics.wait(controls, CONTROLS.indexOf(name), 1);
}

/** Blocks the thread for this time. */
export function pause(ms: number): void {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
