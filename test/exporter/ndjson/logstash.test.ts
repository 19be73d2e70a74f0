import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HEAD_FIELDS } from '../../../exporter/documents/document-head.ts';
import { fieldsOf } from '../../../exporter/documents/fields.ts';
import { STREAM_NAMES } from '../../../exporter/documents/streams.ts';

const pipeline = readFileSync(join(import.meta.dirname, '../../../deploy/logstash/virtune.conf'), 'utf8');
const code = pipeline.replaceAll(/^\s*#.*$/gm, '');

test('fields that the pipeline asks for are in every document', () => {
  const common = new Set(HEAD_FIELDS.map(({ name }) => name));
  const asked = [...code.matchAll(/\[([\w@.]+)\](?!")/g)].map(([, name]) => name as string);
  expect(asked).toContain('data_stream.dataset');
  for (const name of asked) expect(common.has(name), name).toBe(true);
});

test('fields that it removes are none of a document: dots are not nested there', () => {
  const [, list = ''] = /remove_field => \[(.*)\]/.exec(code) ?? [];
  const removed = [...list.matchAll(/"([^"]+)"/g)].map(([, name]) => name as string);
  expect(removed).toContain('host');
  for (const stream of STREAM_NAMES) {
    const names = fieldsOf(stream).map(({ name }) => name);
    expect(removed.filter((name) => names.includes(name))).toEqual([]);
  }
});

test('it writes to the data streams that setup makes, by create', () => {
  const [, index = ''] = /index => "([^"]+)"/.exec(code) ?? [];
  const document: Readonly<Record<string, string>> = {
    'data_stream.dataset': 'kvm.vm',
    'data_stream.namespace': 'default',
  };
  const name = index.replaceAll(/%\{\[([^\]]+)\]\}/g, (_all, field: string) => document[field] ?? '?');
  expect(name).toBe('metrics-kvm.vm-default');
  expect(code).toMatch(/action => "create"/);
});

test('its brackets and quotes are closed, and each setting is a name, an arrow and a value', () => {
  const open: string[] = [];
  const pairs: Readonly<Record<string, string>> = { '}': '{', ']': '[' };
  for (const char of code.replaceAll(/"[^"\n]*"/g, '""')) {
    if (char === '{' || char === '[') open.push(char);
    else if (pairs[char] !== undefined) expect(open.pop()).toBe(pairs[char]);
  }
  expect(open).toEqual([]);
  for (const line of code
    .split('\n')
    .map((each) => each.trim())
    .filter((each) => each.includes('=>'))) {
    expect(line).toMatch(/^[a-z_]+ => ("[^"]*"|\[("[^"]*"(, )?)+\]|true|false|[a-z]+)$/);
  }
});
