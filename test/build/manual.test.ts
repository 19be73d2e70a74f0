import { Command, Option } from 'commander';
import { expect, test } from 'vitest';
import { manualPages } from '../../build/manual.ts';
import { commandTree } from '../../cli/completion/command-tree.ts';

const program = new Command('virtune').description('top of all').addCommand(
  new Command('copy')
    .description('copies a file')
    .argument('<file>')
    .addOption(new Option('-m, --mode <mode>', "with '\\n' in it").choices(['a', 'b']).default('a')),
);
const pages = manualPages(commandTree(program), '1.2.3', 86_400);

test('every command has a page with its usage, options, choices and defaults', () => {
  expect([...pages.keys()]).toEqual(['virtune.1', 'virtune-copy.1']);
  const page = pages.get('virtune-copy.1');
  expect(page).toContain('.TH VIRTUNE-COPY 1 1970-01-02 "virtune 1.2.3"');
  expect(page).toContain('.SH NAME\nvirtune\\-copy \\- copies a file\n');
  expect(page).toContain('.B virtune copy\n[options] <file>\n');
  expect(page).toContain('.B \\-m, \\-\\-mode <mode>\n');
  expect(page).toContain('.BR virtune (1),\n');
});

test('a page refers to those of the commands below', () => {
  expect(pages.get('virtune.1')).toContain('.SH COMMANDS\n.TP\n.BR virtune\\-copy (1)\ncopies a file\n');
});

test('what means something to roff is escaped', () => {
  expect(pages.get('virtune-copy.1')).toContain("with '\\en' in it (choices: a, b; default: a)");
});
