import { quoted } from './domain-run.ts';
import type { Step, StepParam } from './step.ts';

/** A step as text, for users who watch or read the journal. */
export function describeStep(step: Step): string {
  return !('domain' in step) ? describeHostStep(step) : `${quoted(step.domain)}: ${describeDomainStep(step)}`;
}

type HostStep = Exclude<Step, { domain: unknown }>;

function describeHostStep(step: HostStep): string {
  switch (step.kind) {
    case 'ksm':
      return `host: KSM ${params(step.to)}`;
    case 'hostPages':
      return `host: ${step.to} pages of ${step.sizeKiB} KiB on cell ${step.cell}`;
    case 'kernelFile':
      return `host: /${step.root}/${step.file}: ${step.to}`;
  }
}

function describeDomainStep(step: Exclude<Step, HostStep>): string {
  switch (step.kind) {
    case 'vcpuPin':
      return `vCPU ${step.vcpu} to CPUs ${step.to}`;
    case 'emulatorPin':
      return `emulator to CPUs ${step.to}`;
    case 'ioThread':
      return `iothread ${step.id} ${step.to}`;
    case 'ioThreadPin':
      return `iothread ${step.id} to CPUs ${step.to}`;
    case 'ioThreadParams':
      return `iothread ${step.id} ${params(step.to)}`;
    case 'scheduler':
    case 'memoryLimits':
    case 'blkio':
      return params(step.to);
    case 'blockIoTune':
      return `disk ${step.disk} ${params(step.to)}`;
    case 'bandwidth':
      return `interface ${step.device} ${params(step.to)}`;
    case 'numaNodeset':
      return `memory from cells ${step.to}`;
    case 'balloonPeriod':
      return `memory statistics every ${step.to} s`;
    case 'balloonSize':
      return `balloon leaves ${step.to} KiB`;
    case 'mark':
      return step.to === null ? 'no mark in the running metadata' : 'mark in the running metadata';
    case 'definition':
      return 'definition for the next boot';
    case 'restart':
      return 'restart';
  }
}

const params = (all: readonly StepParam[]): string =>
  all.map(({ field, value }) => `${field} ${value}`).join(', ');
