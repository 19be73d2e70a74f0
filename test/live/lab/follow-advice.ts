import { runVirtune } from '../../virtune-process.ts';
import { run } from './run.ts';

/** The fields of `virtune advise --json` that the tests read. */
export interface AdviceJson {
  readonly kind: string;
  readonly title: string;
  readonly harm: number;
  readonly vms: readonly { readonly name: string }[];
  readonly culprits: readonly { readonly name: string }[];
  readonly changes: readonly ChangeJson[];
}

export interface ChangeJson {
  readonly change: string;
  readonly commands: readonly { readonly argv: readonly string[] }[];
  readonly vms_that_pay: readonly { readonly name: string }[];
  readonly gain: string;
}

/** Advice of the real command for the real host, after some seconds of observation. */
export async function advice(seconds: number): Promise<readonly AdviceJson[]> {
  const { code, stdout, stderr } = await runVirtune(
    'advise',
    '--json',
    '--for',
    `${seconds}s`,
    '--every',
    '0.5s',
  );
  if (code !== 0) throw new Error(`virtune advise ended with ${code}: ${stderr}`);
  return JSON.parse(stdout).advice;
}

/** Runs the commands as they are printed. */
export function follow({ commands }: ChangeJson): void {
  for (const { argv } of commands) {
    const [program, ...args] = argv;
    if (program !== 'virsh') throw new Error(`the test runs virsh alone, and this is ${argv.join(' ')}`);
    run(program, args);
  }
}

export const namesOf = (vms: readonly { readonly name: string }[]): string[] => vms.map(({ name }) => name);
