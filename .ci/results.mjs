// What vitest's JSON reports say, for .ci/run. Of several reports of one suite, a later one replaces the files it has run.
//   node results.mjs count REPORT...   passed and failed tests, as two numbers
//   node results.mjs failed REPORT...  the failed tests with the start of their messages
//   node results.mjs began REPORT      ends with 0 if it has a file at all
//   node results.mjs files REPORT      the files that a failed test is in, relative to here
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const [action, ...reports] = process.argv.slice(2);
const files = new Map();
for (const report of reports) {
  for (const file of JSON.parse(readFileSync(report, 'utf8')).testResults) files.set(file.name, file);
}
const failedTests = (file) => file.assertionResults.filter((test) => test.status === 'failed');
const failedFiles = [...files.values()].filter(
  (file) => file.status === 'failed' || failedTests(file).length > 0,
);
const start = (message) => (message ?? '').split('\n').slice(0, 12).join('\n    ');

if (action === 'count') {
  const passed = [...files.values()]
    .flatMap((file) => file.assertionResults)
    .filter((test) => test.status === 'passed');
  // A file that failed outside its tests counts as one failure.
  const failed = failedFiles.reduce((sum, file) => sum + Math.max(1, failedTests(file).length), 0);
  console.log(passed.length, failed);
} else if (action === 'began') {
  process.exitCode = files.size > 0 ? 0 : 1;
} else if (action === 'files') {
  for (const file of failedFiles) console.log(relative(process.cwd(), file.name));
} else {
  for (const file of failedFiles) {
    console.log(`  ${relative(process.cwd(), file.name)}`);
    if (failedTests(file).length === 0) console.log(`    ${start(file.message)}`);
    for (const test of failedTests(file))
      console.log(`    ${test.fullName}\n    ${start(test.failureMessages[0])}`);
  }
}
