import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { findJavas } from './java.ts';
import type { ServerKind } from './servers.ts';

const HERE = import.meta.dirname;
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'virtune-search-server');
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

/** The files that a server is started from. */
export interface Installation {
  readonly java: string;
  /** Arguments before the main class. */
  readonly arguments: readonly string[];
  /** `modules/`, `config/`: copied into each server's home. */
  readonly skeleton: string;
}

/** Installs jars from Maven Central and our own classes as a server expects; kept for later runs. */
export function install(kind: ServerKind): Installation {
  const java = findJava(kind.java);
  const standIns = (kind.modules ?? []).flatMap((module) => module.standIns);
  const sources = ['DataStreamsStandIn.java', `${kind.main}.java`, ...standIns].map((name) =>
    readFileSync(join(HERE, name)),
  );
  const key = createHash('sha256')
    .update(JSON.stringify([kind, java]))
    .update(Buffer.concat(sources))
    .digest('hex');
  const dir = join(CACHE, `${kind.name.toLowerCase()}-${kind.version}-${key.slice(0, 12)}`);
  if (!existsSync(dir)) {
    const temporary = `${dir}.${process.pid}`;
    rmSync(temporary, { recursive: true, force: true });
    build(kind, java, temporary);
    renameSync(temporary, dir);
  }
  const jars = join(dir, 'server');
  const classes = join(dir, 'classes');
  const path =
    kind.main === 'ElasticsearchMain'
      ? ['--module-path', jars, '--add-modules=ALL-MODULE-PATH', '-cp', classes]
      : ['-cp', `${jars}/*:${classes}`];
  return { java: join(java, 'bin/java'), arguments: path, skeleton: join(dir, 'home') };
}

function build(kind: ServerKind, java: string, dir: string): void {
  const jars = join(dir, 'server');
  const classes = join(dir, 'classes');
  const modules = join(dir, 'home/modules');
  for (const each of [jars, classes, modules, join(dir, 'home/config'), join(dir, 'home/plugins')]) {
    mkdirSync(each, { recursive: true });
  }
  const fetch = (dependencies: ServerKind['dependencies'], to: string, isAlone: boolean): void => {
    writeFileSync(join(dir, 'pom.xml'), pom(dependencies, isAlone));
    run('mvn', ['-q', '-B', '-f', join(dir, 'pom.xml'), COPY, `-DoutputDirectory=${to}`]);
  };
  fetch(kind.dependencies, jars, false);
  const javac = (name: string, to: string): void => {
    const source = join(dir, basename(name));
    let text = readFileSync(join(HERE, name), 'utf8');
    for (const [before, now] of kind.renamed ?? []) text = text.replaceAll(before, now);
    writeFileSync(source, text);
    run(join(java, 'bin/javac'), ['-cp', `${jars}/*`, '-d', to, source]);
  };
  javac(`${kind.main}.java`, classes);
  if (kind.main !== 'ElasticsearchMain') return;
  // Elasticsearch loads its network layer as a module with separate class loaders.
  const netty = join(modules, 'transport-netty4');
  mkdirSync(netty);
  for (const jar of readdirSync(jars).filter((name) => /^(netty|transport-netty4)-/.test(name))) {
    renameSync(join(jars, jar), join(netty, jar));
  }
  writeFileSync(
    join(netty, 'plugin-descriptor.properties'),
    descriptor(
      kind,
      'transport-netty4',
      'org.elasticsearch.transport.netty4.Netty4Plugin',
      'modulename=org.elasticsearch.transport.netty4\n',
    ),
  );
  const ours = join(modules, 'data-streams-stand-in');
  mkdirSync(join(ours, 'classes'), { recursive: true });
  javac('DataStreamsStandIn.java', join(ours, 'classes'));
  run(join(java, 'bin/jar'), ['cf', join(ours, 'stand-in.jar'), '-C', join(ours, 'classes'), 'virtune']);
  rmSync(join(ours, 'classes'), { recursive: true });
  for (const { name, classname, extended, dependencies, standIns } of kind.modules ?? []) {
    const folder = join(modules, name);
    mkdirSync(folder);
    fetch(dependencies, folder, true);
    if (standIns.length > 0) {
      for (const source of standIns) javac(source, join(dir, 'stand-ins'));
      run(join(java, 'bin/jar'), ['cf', join(folder, 'stand-ins.jar'), '-C', join(dir, 'stand-ins'), '.']);
    }
    writeFileSync(
      join(folder, 'plugin-descriptor.properties'),
      descriptor(kind, name, classname, `extended.plugins=${extended.join(',')}\n`),
    );
  }
  writeFileSync(
    join(ours, 'plugin-descriptor.properties'),
    descriptor(kind, 'data-streams-stand-in', 'virtune.DataStreamsStandIn'),
  );
}

function descriptor({ version, java }: ServerKind, name: string, classname: string, more = ''): string {
  return `description=${name}\nversion=${version}\nname=${name}\njava.version=${java}\nelasticsearch.version=${version}\nclassname=${classname}\n${more}`;
}

/** @param isAlone without transitive dependencies */
function pom(dependencies: ServerKind['dependencies'], isAlone: boolean): string {
  const exclusions = isAlone
    ? '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>'
    : '';
  const lines = dependencies.map(
    ([group, artifact, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>${exclusions}</dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>virtune</groupId><artifactId>search-server</artifactId><version>1</version><packaging>pom</packaging><dependencies>${lines.join('')}</dependencies></project>\n`;
}

/** The oldest JDK here that is new enough: closest to what a server was built for. */
function findJava(oldest: number): string {
  const found = findJavas().find(({ major }) => major >= oldest);
  if (found !== undefined && isThere('mvn')) return found.home;
  run('apt-get', ['update', '-q']);
  run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'maven', 'default-jdk-headless']);
  const installed = findJavas().find(({ major }) => major >= oldest);
  if (installed === undefined) throw new Error(`Debian's default JDK is older than ${oldest}`);
  return installed.home;
}

function isThere(command: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((dir) => existsSync(join(dir, command)));
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
}

export function copySkeleton(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
}
