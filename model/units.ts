/** Conversions to the base units of Prometheus and ECS, applied only at output. */
export const kibToBytes = (kib: number): number => kib * 1024;
export const nsToSeconds = (ns: number): number => ns / 1e9;
export const msToSeconds = (ms: number): number => ms / 1e3;
