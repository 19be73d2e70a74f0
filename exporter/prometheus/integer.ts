const BILLION = 1_000_000_000;
const ZERO = 0x30;

/** Digits of Number.MAX_SAFE_INTEGER. */
export const INTEGER_BYTES_MAX = 16;

/**
 * Writes the decimal digits of a non-negative safe integer, as String() gives them, without allocating a string.
 * @returns the offset after them
 */
export function writeInteger(bytes: Uint8Array, at: number, value: number): number {
  if (value < BILLION) return writeDigits(bytes, at, value, digitsOf(value));
  // Each half fits 32 bits, where division is cheap.
  const high = Math.floor(value / BILLION);
  return writeDigits(bytes, writeDigits(bytes, at, high, digitsOf(high)), value - high * BILLION, 9);
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let limit = 10; limit <= value; limit *= 10) digits++;
  return digits;
}

/** With leading zeros up to `digits`. */
function writeDigits(bytes: Uint8Array, at: number, value: number, digits: number): number {
  let rest = value | 0;
  for (let index = at + digits - 1; index >= at; index--) {
    const tenth = (rest / 10) | 0;
    bytes[index] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return at + digits;
}
