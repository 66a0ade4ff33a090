/** Writes pickles instruction by instruction, honest and hostile ones, for tests. */

/** Instructions that leave one value on the stack. */
export type Code = readonly number[];

const utf8 = (text: string) => [...new TextEncoder().encode(text)];
const little = (n: number, bytes: number) =>
  Array.from({ length: bytes }, (_, i) => Math.floor(n / 2 ** (8 * i)) & 255);

export const NONE: Code = [0x4e];
export const FALSE: Code = [0x89];
export const EMPTY_LIST: Code = [0x5d];
export const EMPTY_TUPLE: Code = [0x29];
export const EMPTY_DICT: Code = [0x7d];
export const MARK = 0x28;

/** A whole pickle of protocol 2. */
export const pickleOf = (...code: Code[]): Uint8Array => Uint8Array.from([0x80, 2, ...code.flat(), 0x2e]);
export const text = (value: string): Code => [0x58, ...little(utf8(value).length, 4), ...utf8(value)];
export const int = (value: number): Code => [0x4a, ...little(value, 4)];
export const tuple = (...items: Code[]): Code => [MARK, ...items.flat(), 0x74];
export const list = (...items: Code[]): Code => [...EMPTY_LIST, MARK, ...items.flat(), 0x65];
export const dict = (...pairs: [Code, Code][]): Code => [...EMPTY_DICT, MARK, ...pairs.flat(2), 0x75];
export const global = (module: string, name: string): Code => [0x63, ...utf8(`${module}\n${name}\n`)];
export const reduce = (callee: Code, ...args: Code[]): Code => [...callee, ...tuple(...args), 0x52];
export const persistent = (id: Code): Code => [...id, 0x51];
export const put = (index: number): Code => [0x71, index];
export const get = (index: number): Code => [0x68, index];
/** `object.__setstate__(state)`. */
export const build = (object: Code, state: Code): Code => [...object, ...state, 0x62];
export const nested = (depth: number): Code => [...EMPTY_TUPLE, ...Array(depth).fill(0x85)];

/** A list of ten lists of ten lists …, `levels` times, in a few bytes. */
export function bomb(levels: number): Code {
  const code: number[] = [...list(int(0)), ...put(0), 0x30];
  for (let i = 1; i <= levels; i++) {
    code.push(...list(...Array.from({ length: 10 }, () => get(i - 1))), ...put(i), ...(i < levels ? [0x30] : []));
  }
  return code;
}

export interface TensorParts {
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
  readonly offset?: number;
  /** Elements of the storage. */
  readonly count?: number;
  readonly key?: string;
  readonly type?: string;
}

/** A tensor as `torch.save` writes it. */
export function tensorCode({ shape, strides, offset = 0, count, key = "0", type = "FloatStorage" }: TensorParts): Code {
  const size = shape.reduce((n, d) => n * d, 1);
  const dense = shape.map((_, axis) => shape.slice(axis + 1).reduce((n, d) => n * d, 1));
  const storage = tuple(text("storage"), global("torch", type), text(key), text("cpu"), int(count ?? size));
  return reduce(
    global("torch._utils", "_rebuild_tensor_v2"),
    persistent(storage),
    int(offset),
    tuple(...shape.map(int)),
    tuple(...(strides ?? dense).map(int)),
    FALSE,
    reduce(global("collections", "OrderedDict")),
  );
}
