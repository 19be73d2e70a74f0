import {
  type Attributes,
  attributesReply,
  Changed,
  directoryEntry,
  entryReply,
  initReply,
  namesIn,
  Opcode,
  openReply,
  type Request,
  ROOT_NODE,
  statfsReply,
  writeReply,
} from './protocol.ts';

/** Values on Linux for x86 and ARM. */
export const Errno = {
  ENOENT: 2,
  EIO: 5,
  EEXIST: 17,
  ENOTDIR: 20,
  ENOSPC: 28,
  EROFS: 30,
  ENOSYS: 38,
  ENOTEMPTY: 39,
} as const;

const FOLDER = 0o040000;
const KIND = 0o170000;
const BLOCK_BYTES = 4_096;

interface Node {
  readonly id: number;
  mode: number;
  uid: number;
  gid: number;
  mtimeMs: number;
  links: number;
  data: Buffer;
  bytes: number;
  /** Entries of a folder; undefined for a file. */
  readonly names: Map<string, Node> | undefined;
}

/** An error that is returned to the kernel. */
export class SystemFailure extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

/** An in-memory file system with limited capacity, with the operations that virtune, libvirt and QEMU use. */
export class MemoryFileSystem {
  readonly #nodes = new Map<number, Node>();
  #lastId = ROOT_NODE;
  #used = 0;
  /** Limit for the data of all files, in bytes. */
  capacityBytes: number;

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
    this.#nodes.set(ROOT_NODE, newNode(ROOT_NODE, FOLDER | 0o755, 0, 0));
  }

  /**
   * The payload of the answer; undefined where the kernel expects none.
   * @throws SystemFailure
   */
  answer(request: Request): Buffer | undefined {
    const { opcode, args } = request;
    const node = (): Node => this.#node(request.node);
    switch (opcode) {
      case Opcode.init:
        return initReply();
      case Opcode.lookup:
        return entryReply(attributesOf(this.#child(node(), namesIn(args, 0)[0])));
      case Opcode.forget:
      case Opcode.batchForget:
      case Opcode.interrupt:
        return undefined;
      case Opcode.getattr:
        return attributesReply(attributesOf(node()));
      case Opcode.setattr:
        this.#change(node(), args);
        return attributesReply(attributesOf(node()));
      case Opcode.mkdir:
        return entryReply(
          attributesOf(this.#make(request, FOLDER | args.readUInt32LE(0), namesIn(args, 8)[0])),
        );
      case Opcode.mknod:
        return entryReply(attributesOf(this.#make(request, args.readUInt32LE(0), namesIn(args, 16)[0])));
      case Opcode.create: {
        const made = this.#make(request, args.readUInt32LE(4), namesIn(args, 16)[0]);
        return Buffer.concat([entryReply(attributesOf(made)), openReply()]);
      }
      case Opcode.unlink:
      case Opcode.rmdir:
        this.#remove(node(), namesIn(args, 0)[0]);
        return Buffer.alloc(0);
      case Opcode.rename:
      case Opcode.rename2:
        this.#rename(node(), args, opcode === Opcode.rename ? 8 : 16);
        return Buffer.alloc(0);
      case Opcode.link:
        return entryReply(
          attributesOf(this.#link(this.#node(Number(args.readBigUInt64LE(0))), node(), namesIn(args, 8)[0])),
        );
      case Opcode.open:
      case Opcode.opendir:
        node();
        return openReply();
      case Opcode.read:
        return this.#read(node(), args);
      case Opcode.write:
        return this.#write(node(), args);
      case Opcode.readdir:
        return this.#list(node(), args);
      case Opcode.statfs:
        return this.#room();
      case Opcode.release:
      case Opcode.releasedir:
      case Opcode.flush:
      case Opcode.fsync:
      case Opcode.fsyncdir:
      case Opcode.access:
        return Buffer.alloc(0);
      default:
        throw new SystemFailure(Errno.ENOSYS);
    }
  }

  #node(id: number): Node {
    const found = this.#nodes.get(id);
    if (found === undefined) throw new SystemFailure(Errno.ENOENT);
    return found;
  }

  #child(folder: Node, name = ''): Node {
    if (folder.names === undefined) throw new SystemFailure(Errno.ENOTDIR);
    const found = folder.names.get(name);
    if (found === undefined) throw new SystemFailure(Errno.ENOENT);
    return found;
  }

  #make({ node, uid, gid }: Request, mode: number, name = ''): Node {
    const folder = this.#node(node);
    if (folder.names?.has(name) === true) throw new SystemFailure(Errno.EEXIST);
    const made = newNode(++this.#lastId, mode, uid, gid);
    this.#nodes.set(made.id, made);
    folder.names?.set(name, made);
    return made;
  }

  /** Open files continue to exist, as elsewhere: nodes are never freed here. */
  #remove(folder: Node, name = ''): void {
    const node = this.#child(folder, name);
    if ((node.names?.size ?? 0) > 0) throw new SystemFailure(Errno.ENOTEMPTY);
    folder.names?.delete(name);
    node.links--;
    if (node.names === undefined && node.links === 0) this.#resize(node, 0);
  }

  #link(node: Node, folder: Node, name = ''): Node {
    if (folder.names?.has(name) === true) throw new SystemFailure(Errno.EEXIST);
    folder.names?.set(name, node);
    node.links++;
    return node;
  }

  #rename(from: Node, args: Buffer, namesAt: number): void {
    const to = this.#node(Number(args.readBigUInt64LE(0)));
    const [before = '', after = ''] = namesIn(args, namesAt);
    const node = this.#child(from, before);
    const replaced = to.names?.get(after);
    if (replaced !== undefined && replaced !== node) this.#remove(to, after);
    from.names?.delete(before);
    to.names?.set(after, node);
  }

  #change(node: Node, args: Buffer): void {
    const valid = args.readUInt32LE(0);
    if ((valid & Changed.size) !== 0) this.#resize(node, Number(args.readBigUInt64LE(16)));
    if ((valid & Changed.mode) !== 0) node.mode = args.readUInt32LE(68);
    if ((valid & Changed.uid) !== 0) node.uid = args.readUInt32LE(76);
    if ((valid & Changed.gid) !== 0) node.gid = args.readUInt32LE(80);
    if ((valid & Changed.mtime) !== 0) node.mtimeMs = Number(args.readBigUInt64LE(40)) * 1_000;
  }

  #read(node: Node, args: Buffer): Buffer {
    const from = Number(args.readBigUInt64LE(8));
    return node.data.subarray(from, Math.min(node.bytes, from + args.readUInt32LE(16)));
  }

  #write(node: Node, args: Buffer): Buffer {
    const at = Number(args.readBigUInt64LE(8));
    const data = args.subarray(40, 40 + args.readUInt32LE(16));
    // On a full disk the first write is a short one.
    const room = node.bytes + Math.max(0, this.capacityBytes - this.#used);
    const end = Math.min(at + data.length, Math.max(node.bytes, room));
    if (end <= at && data.length > 0) throw new SystemFailure(Errno.ENOSPC);
    if (end > node.bytes) this.#resize(node, end);
    data.copy(node.data, at, 0, end - at);
    node.mtimeMs = Date.now();
    return writeReply(end - at);
  }

  #resize(node: Node, bytes: number): void {
    if (bytes > node.bytes && this.#used + bytes - node.bytes > this.capacityBytes)
      throw new SystemFailure(Errno.ENOSPC);
    if (bytes > node.data.length) {
      const larger = Buffer.alloc(Math.max(bytes, node.data.length * 2));
      node.data.copy(larger, 0, 0, node.bytes);
      node.data = larger;
    } else if (bytes < node.bytes) node.data.fill(0, bytes, node.bytes);
    this.#used += bytes - node.bytes;
    node.bytes = bytes;
  }

  #list(folder: Node, args: Buffer): Buffer {
    const from = Number(args.readBigUInt64LE(8));
    let room = args.readUInt32LE(16);
    const entries: Buffer[] = [];
    for (const [index, [name, node]] of [...(folder.names ?? [])].entries()) {
      if (index < from) continue;
      const entry = directoryEntry(name, attributesOf(node), index + 1);
      room -= entry.length;
      if (room < 0) break;
      entries.push(entry);
    }
    return Buffer.concat(entries);
  }

  #room(): Buffer {
    const blocks = Math.floor(this.capacityBytes / BLOCK_BYTES);
    const free = Math.max(0, Math.floor((this.capacityBytes - this.#used) / BLOCK_BYTES));
    return statfsReply(blocks, free, BLOCK_BYTES);
  }
}

function newNode(id: number, mode: number, uid: number, gid: number): Node {
  const isFolder = (mode & KIND) === FOLDER;
  return {
    id,
    mode,
    uid,
    gid,
    mtimeMs: Date.now(),
    links: 1,
    data: Buffer.alloc(0),
    bytes: 0,
    names: isFolder ? new Map() : undefined,
  };
}

function attributesOf({ id, mode, uid, gid, bytes, links, mtimeMs }: Node): Attributes {
  return { node: id, mode, uid, gid, bytes, links, mtimeMs };
}
