import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { USER } from '../../build/image/base.ts';
import { configOf } from '../../build/image/documents.ts';
import { unknownIn } from '../docs/virtune-calls.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'deploy/kubernetes');
const read = (file: string): unknown => parse(readFileSync(join(FOLDER, file), 'utf8'));
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

interface Pod {
  readonly metadata: { readonly labels: Record<string, string> };
  readonly spec: {
    readonly securityContext: object;
    readonly priorityClassName?: string;
    readonly containers: readonly [
      {
        readonly args: readonly string[];
        readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
        readonly securityContext: object;
        readonly resources: Readonly<Record<'requests' | 'limits', { readonly memory: string }>>;
        readonly volumeMounts: readonly { readonly name: string; readonly readOnly?: boolean }[];
      },
    ];
    readonly volumes: readonly { readonly name: string; readonly hostPath: { readonly type: string } }[];
  };
}
const daemonSet = read('daemonset.yaml') as {
  readonly spec: { readonly selector: { readonly matchLabels: object }; readonly template: Pod };
};
const { metadata, spec } = daemonSet.spec.template;
const [container] = spec.containers;

test('the pods need nothing of Pod Security Standards beyond `restricted` but their folders of the host', () => {
  expect(spec.securityContext).toMatchObject({
    runAsNonRoot: true,
    runAsUser: USER,
    runAsGroup: USER,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  expect(Object.keys(spec)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^host[A-Z]/)]));
});

test('on a node that lacks memory the pod is not what ends first: its priority is that of the node, and it stays within its request', () => {
  expect(spec.priorityClassName).toBe('system-node-critical');
  const benchmarks = readFileSync(join(ROOT, 'docs/benchmarks.md'), 'utf8');
  const [, residentMib] = /^\| 1000 +\|.*\| +(\d+) +\|$/m.exec(benchmarks) ?? [];
  const [request, limit] = (['requests', 'limits'] as const).map((which) =>
    Number(/^(\d+)Mi$/.exec(container.resources[which].memory)?.[1]),
  );
  expect(Number(residentMib)).toBeGreaterThan(100);
  expect(request).toBeGreaterThan(Number(residentMib));
  expect(limit).toBeGreaterThan(Number(request));
});

test('each folder of the host is mounted, read-only, and has to be there', () => {
  expect(container.volumeMounts.map(({ name }) => name).sort()).toEqual(
    spec.volumes.map(({ name }) => name).sort(),
  );
  expect(container.volumeMounts.filter(({ readOnly }) => readOnly !== true)).toEqual([]);
  expect(spec.volumes.filter(({ hostPath }) => hostPath.type !== 'Directory')).toEqual([]);
});

test('the exporter of the pods takes these flags, and listens on the port that is named', () => {
  expect(unknownIn(`virtune ${container.args.join(' ')}`)).toEqual([]);
  expect(container.ports).toEqual([{ name: 'metrics', containerPort: 9177 }]);
  expect(container.args).toContain(':9177');
  // Otherwise the pod goes into CrashLoopBackOff while libvirt is down, and there is no libvirt_up to alert on.
  expect(container.args).toContain('--wait-for-libvirt');
  const image = JSON.stringify(
    configOf([], { architecture: 'amd64', version, commit: '', dateSeconds: 0, description: '', user: USER }),
  );
  expect(image).toContain('"9177/tcp"');
});

test('the PodMonitor selects these pods and that port, under a job that the rules select', () => {
  const monitor = read('prometheus-operator/podmonitor.yaml') as {
    readonly spec: {
      readonly jobLabel: string;
      readonly selector: { readonly matchLabels: Record<string, string> };
      readonly podMetricsEndpoints: readonly { readonly port: string }[];
    };
  };
  expect(metadata.labels).toMatchObject(monitor.spec.selector.matchLabels);
  expect(metadata.labels).toMatchObject(daemonSet.spec.selector.matchLabels);
  expect(metadata.labels[monitor.spec.jobLabel]).toMatch(/^virtune.*$/);
  expect(monitor.spec.podMetricsEndpoints.map(({ port }) => port)).toEqual([container.ports[0]?.name]);
});

test('the kustomization names the image of this version', () => {
  expect(read('kustomization.yaml')).toMatchObject({ images: [{ name: 'virtune', newTag: version }] });
});

const hasKubectl = spawnSync('kubectl', ['kustomize', '--help']).status === 0;
test.skipIf(!hasKubectl)(
  'kustomize builds the objects in their namespace, with the image of the registry',
  () => {
    const { stdout, stderr, status } = spawnSync('kubectl', ['kustomize', FOLDER], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const built = stdout.split(/^---$/m).map((text) => parse(text) as { kind: string; metadata: object });
    expect(built.map(({ kind }) => kind)).toEqual(['Namespace', 'DaemonSet']);
    expect(built[1]?.metadata).toMatchObject({ namespace: 'virtune' });
    expect(stdout).toContain(`image: registry.example/virtune:${version}`);
  },
);
