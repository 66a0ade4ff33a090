/**
 * Reads the part of Python's pickle language that plain data is written in, and runs nothing of the file. It looks up no
 * class and fetches no attribute; it calls only the functions that the caller lists. It refuses everything else by name.
 * Source: CPython, Lib/pickletools.py (protocols 0 to 5).
 */
import { quoted } from "../../tensor/mod.ts";
import {
  Container,
  Opaque,
  PickleDict,
  PickleGlobal,
  PickleList,
  PickleTuple,
  type PickleValue,
} from "./pickle_values.ts";

export interface UnpickleOptions {
  /** Names that the pickle may mention; every other one is refused. */
  readonly globals: readonly PickleGlobal[];
  /** Resolves a persistent id, the name of something outside the pickle. */
  readonly persistent: (id: PickleValue) => PickleValue;
  readonly limits?: PickleLimits;
}

export interface PickleLimits {
  readonly bytes: number;
  /** Instructions, and with them values and memo entries. */
  readonly operations: number;
  /** Containers in containers. */
  readonly depth: number;
  /** Values, each counted as often as a walk through everything would meet it. */
  readonly walk: number;
}

export const PICKLE_LIMITS: PickleLimits = { bytes: 64 * 2 ** 20, operations: 5_000_000, depth: 64, walk: 20_000_000 };

/**
 * The value that a pickle describes.
 * @throws {SyntaxError} damaged, or in a part of the language that this does not read
 * @throws {TypeError} a name that is not listed, or a listed one used wrongly
 * @throws {RangeError} beyond the limits
 */
export function unpickle(bytes: Uint8Array, options: UnpickleOptions): PickleValue {
  return new Unpickler(bytes, options).run();
}

function damaged(why: string): never {
  throw new SyntaxError(`Cannot read the pickle: ${why}`);
}
function refuse(why: string): never {
  throw new TypeError(`Cannot read the pickle: ${why}`);
}
function tooMuch(why: string): never {
  throw new RangeError(`Cannot read the pickle: ${why}`);
}

/** The highest protocol that this reads. */
const PROTOCOL = 5;

class Unpickler {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: UnpickleOptions;
  readonly #limits: PickleLimits;
  readonly #stack: PickleValue[] = [];
  /** Heights of the stack at each open mark. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at = 0;

  constructor(bytes: Uint8Array, options: UnpickleOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
    this.#limits = options.limits ?? PICKLE_LIMITS;
  }

  run(): PickleValue {
    const { bytes, operations, depth } = this.#limits;
    if (this.#bytes.length > bytes) tooMuch(`expected at most ${bytes} bytes, got ${this.#bytes.length}`);
    for (let done = 0;; done++) {
      if (done >= operations) tooMuch(`expected at most ${operations} instructions`);
      const opcode = this.uint(1);
      if (opcode === 0x2e) return this.#end(); // STOP
      const step = OPCODES.get(opcode) ?? refuseOpcode(opcode);
      step(this);
      if (this.#marks.length > depth) tooMuch(`expected at most ${depth} open marks`);
      const top = this.#stack.at(-1);
      if (top instanceof Container) this.#checkSize(top);
    }
  }

  #end(): PickleValue {
    const value = this.pop();
    if (this.#stack.length > 0 || this.#marks.length > 0) damaged("there is something left on its stack");
    if (this.#at < this.#bytes.length) damaged("there is something after its end");
    return value;
  }

  #checkSize({ depth, walk }: Container): void {
    if (depth > this.#limits.depth) tooMuch(`expected at most ${this.#limits.depth} containers in each other`);
    if (walk > this.#limits.walk) tooMuch(`expected at most ${this.#limits.walk} values, counted with repetitions`);
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) damaged("its stack is empty");
    return this.#stack.pop()!;
  }

  top(): PickleValue {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** The values pushed since the last mark. */
  popMark(): PickleValue[] {
    const height = this.#marks.pop();
    return height === undefined ? damaged("a mark is missing") : this.#stack.splice(height);
  }

  popMany(n: number): PickleValue[] {
    return Array.from({ length: n }, () => this.pop()).reverse();
  }

  remember(index: number = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    if (!this.#memo.has(index)) damaged(`it refers to ${index}, which it has not kept`);
    this.#stack.push(this.#memo.get(index)!);
  }

  /** The next bytes. */
  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) damaged("it is cut short");
    return this.#bytes.subarray(this.#at, this.#at += length);
  }

  /** An unsigned integer of 1, 2 or 4 bytes. */
  uint(bytes: 1 | 2 | 4): number {
    const at = this.#at;
    this.take(bytes);
    if (bytes === 1) return this.#bytes[at];
    return bytes === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }

  /** An unsigned size of 8 bytes. */
  size(): number {
    const bytes = this.take(8);
    return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  }

  double(): number {
    const bytes = this.take(8);
    return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, false);
  }

  text(length: number): string {
    const bytes = this.take(length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      damaged("a text is not UTF-8");
    }
  }

  /** Text up to the end of the line. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) damaged("it is cut short");
    const text = this.text(end - this.#at);
    this.#at++;
    return text;
  }

  global(module: PickleValue, name: PickleValue): void {
    if (typeof module !== "string" || typeof name !== "string") damaged("a global's name is no text");
    const found = this.#options.globals.find((g) => g.module === module && g.name === name);
    if (found === undefined) {
      refuse(`it asks for ${quoted(`${module}.${name}`)}, which is none of the names that tensors need`);
    }
    this.push(found);
  }

  persistent(id: PickleValue): void {
    this.push(this.#options.persistent(id));
  }
}

type Step = (vm: Unpickler) => void;

/** The long integer in these little-endian bytes, two's complement. */
function longOf(bytes: Uint8Array): number | bigint {
  if (bytes.length > 32) tooMuch(`expected integers of at most 32 bytes, got ${bytes.length}`);
  let value = 0n;
  for (const [i, b] of bytes.entries()) value |= BigInt(b) << BigInt(8 * i);
  const whole = BigInt.asIntN(8 * bytes.length, value);
  return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
}

function call(vm: Unpickler): void {
  const args = vm.pop(), callee = vm.pop();
  if (!(args instanceof PickleTuple)) damaged("a call has no tuple of arguments");
  if (!(callee instanceof PickleGlobal)) refuse("it calls something other than a listed function");
  if (callee.call === undefined) refuse(`it calls ${callee.module}.${callee.name}, which is no function`);
  vm.push(callee.call(args.items));
}

/** Drops the attributes of a dict, such as the `_metadata` that PyTorch hangs on a state dictionary. */
function setState(vm: Unpickler): void {
  const state = vm.pop(), owner = vm.top();
  const isKnown = owner instanceof Opaque || (owner instanceof PickleDict && state instanceof PickleDict);
  if (!isKnown) refuse("it sets the attributes of something other than a dict");
}

function extend(vm: Unpickler, values: readonly PickleValue[]): void {
  const list = vm.top();
  if (!(list instanceof PickleList)) damaged("it appends to something other than a list");
  values.forEach((v) => list.add(v));
}

function setItems(vm: Unpickler, values: readonly PickleValue[]): void {
  const dict = vm.top();
  if (!(dict instanceof PickleDict)) damaged("it sets items of something other than a dict");
  if (values.length % 2 !== 0) damaged("a key has no value");
  for (let i = 0; i < values.length; i += 2) dict.set(values[i], values[i + 1]);
}

const tuple = (vm: Unpickler, items: readonly PickleValue[]) => vm.push(new PickleTuple(items));

function dictOf(vm: Unpickler, values: readonly PickleValue[]): void {
  vm.push(new PickleDict());
  setItems(vm, values);
}

/** Opcode → its step. An opcode without one is refused. */
const OPCODES: ReadonlyMap<number, Step> = new Map<number, Step>([
  [0x80, protocol],
  [0x95, (vm) => void vm.size()], // FRAME: only a hint
  [0x28, (vm) => vm.mark()],
  [0x30, (vm) => void vm.pop()],
  [0x4e, (vm) => vm.push(null)],
  [0x88, (vm) => vm.push(true)],
  [0x89, (vm) => vm.push(false)],
  [0x4a, (vm) => vm.push(vm.uint(4) | 0)], // BININT
  [0x4b, (vm) => vm.push(vm.uint(1))],
  [0x4d, (vm) => vm.push(vm.uint(2))],
  [0x8a, (vm) => vm.push(longOf(vm.take(vm.uint(1))))], // LONG1
  [0x47, (vm) => vm.push(vm.double())], // BINFLOAT
  [0x58, (vm) => vm.push(vm.text(vm.uint(4)))], // BINUNICODE
  [0x8c, (vm) => vm.push(vm.text(vm.uint(1)))], // SHORT_BINUNICODE
  [0x42, (vm) => vm.push(vm.take(vm.uint(4)))], // BINBYTES
  [0x43, (vm) => vm.push(vm.take(vm.uint(1)))], // SHORT_BINBYTES
  [0x5d, (vm) => vm.push(new PickleList())],
  [0x61, (vm) => extend(vm, [vm.pop()])], // APPEND
  [0x65, (vm) => extend(vm, vm.popMark())], // APPENDS
  [0x6c, (vm) => {
    const items = vm.popMark();
    vm.push(new PickleList());
    extend(vm, items);
  }], // LIST
  [0x29, (vm) => tuple(vm, [])],
  [0x85, (vm) => tuple(vm, vm.popMany(1))],
  [0x86, (vm) => tuple(vm, vm.popMany(2))],
  [0x87, (vm) => tuple(vm, vm.popMany(3))],
  [0x74, (vm) => tuple(vm, vm.popMark())], // TUPLE
  [0x7d, (vm) => dictOf(vm, [])],
  [0x64, (vm) => dictOf(vm, vm.popMark())], // DICT
  [0x73, (vm) => setItems(vm, vm.popMany(2))], // SETITEM
  [0x75, (vm) => setItems(vm, vm.popMark())], // SETITEMS
  [0x71, (vm) => vm.remember(vm.uint(1))], // BINPUT
  [0x72, (vm) => vm.remember(vm.uint(4))], // LONG_BINPUT
  [0x94, (vm) => vm.remember()], // MEMOIZE
  [0x68, (vm) => vm.recall(vm.uint(1))], // BINGET
  [0x6a, (vm) => vm.recall(vm.uint(4))], // LONG_BINGET
  [0x63, (vm) => vm.global(vm.line(), vm.line())], // GLOBAL
  [0x93, (vm) => vm.global(...vm.popMany(2) as [PickleValue, PickleValue])], // STACK_GLOBAL
  [0x51, (vm) => vm.persistent(vm.pop())], // BINPERSID
  [0x52, call], // REDUCE
  [0x62, setState], // BUILD
]);

function protocol(vm: Unpickler): void {
  const version = vm.uint(1);
  if (version > PROTOCOL) damaged(`expected protocol ${PROTOCOL} or less, got ${version}`);
}

/** Refused opcodes that a reader should know by name, because only a hostile or unusual file has them. */
const NAMED: Readonly<Record<number, string>> = {
  0x69: "INST, which makes an object of any class",
  0x6f: "OBJ, which makes an object of any class",
  0x81: "NEWOBJ, which makes an object of any class",
  0x92: "NEWOBJ_EX, which makes an object of any class",
  0x82: "EXT1, a name by number",
  0x83: "EXT2, a name by number",
  0x84: "EXT4, a name by number",
};

function refuseOpcode(opcode: number): never {
  refuse(
    `it uses the instruction ${NAMED[opcode] ?? `0x${opcode.toString(16).padStart(2, "0")}`}; tensors need none such`,
  );
}
