/**
 * Counts what a protobuf message holds before it is parsed: a message of two bytes becomes an object of some hundred, so
 * that a small file could fill the memory. It makes no objects, and knows of the schema only which fields are messages.
 * Source: protobuf.dev/programming-guides/encoding.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

/** Bounds of a parsed message. */
export interface MessageLimits {
  /** Messages in it: for a model those of nodes, attributes, tensors, dimensions, …. */
  readonly messages: number;
  /** Elements of its lists of numbers and texts; raw data of tensors is not among them. */
  readonly values: number;
  /** How deep its messages may lie in each other. */
  readonly depth: number;
}

/** Far above the largest networks that are taken: 100,000 nodes with attributes and shapes have some 1.5 million messages. */
export const MESSAGE_LIMITS: MessageLimits = { messages: 4_000_000, values: 2 ** 27, depth: 100 };

const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

/**
 * Checks the counts of a message.
 * @throws {RangeError} more than `limits` allow
 * @throws {SyntaxError} no message: cut short, or with a kind of field that does not exist
 */
export function checkMessage(bytes: Uint8Array, schema: DescMessage, limits: MessageLimits = MESSAGE_LIMITS): void {
  new Scanner(bytes, limits).message(schema, { from: 0, to: bytes.length, depth: 1 });
}

interface Part {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
}

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #limits: MessageLimits;
  /** Fields of each kind of message by number. */
  readonly #fields = new Map<DescMessage, ReadonlyMap<number, DescField>>();
  #at = 0;
  #messages = 0;
  #values = 0;

  constructor(bytes: Uint8Array, limits: MessageLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
  }

  message(schema: DescMessage, { from, to, depth }: Part): void {
    const { messages, depth: deepest } = this.#limits;
    if (++this.#messages > messages) tooMany(`${messages} messages (nodes, attributes, tensors, sizes)`);
    if (depth > deepest) tooMany(`${deepest} messages inside each other`);
    const fields = this.#fieldsOf(schema);
    for (this.#at = from; this.#at < to;) {
      const tag = this.#varint(to), field = fields.get(Math.floor(tag / 8));
      if (tag % 8 !== BYTES) {
        this.#skip(tag % 8, to);
        if (field?.fieldKind === "list") this.#count(1);
        continue;
      }
      const length = this.#varint(to), end = this.#at + length;
      if (end > to) cutShort();
      if (field?.message !== undefined) this.message(field.message, { from: this.#at, to: end, depth: depth + 1 });
      else if (field?.fieldKind === "list") this.#list(field, end);
      this.#at = end;
    }
  }

  /** Counts a packed list of numbers, or one text of a list. */
  #list(field: DescField & { readonly fieldKind: "list" }, end: number): void {
    const scalar = field.listKind === "scalar" ? field.scalar : ScalarType.INT32; // an enum is a number
    if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return this.#count(1);
    const width = WIDTHS[scalar];
    if (width !== undefined) return this.#count((end - this.#at) / width);
    let numbers = 0;
    for (let i = this.#at; i < end; i++) if (this.#bytes[i] < 0x80) numbers++;
    this.#count(numbers);
  }

  #count(values: number): void {
    this.#values += values;
    if (this.#values > this.#limits.values) tooMany(`${this.#limits.values} numbers and texts outside raw data`);
  }

  #skip(kind: number, to: number): void {
    if (kind === VARINT) this.#varint(to);
    else if (kind === FIXED64) this.#at += 8;
    else if (kind === FIXED32) this.#at += 4;
    else throw new SyntaxError(`a field of kind ${kind}`);
    if (this.#at > to) cutShort();
  }

  #varint(to: number): number {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      if (this.#at >= to) cutShort();
      const byte = this.#bytes[this.#at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      if (scale > 2 ** 63) throw new SyntaxError("a number of more than ten bytes");
    }
  }

  #fieldsOf(schema: DescMessage): ReadonlyMap<number, DescField> {
    const known = this.#fields.get(schema);
    if (known !== undefined) return known;
    const fields = new Map(schema.fields.map((field) => [field.number, field]));
    this.#fields.set(schema, fields);
    return fields;
  }
}

/** Bytes of an element, of types that have one width. */
const WIDTHS: Partial<Record<ScalarType, number>> = {
  [ScalarType.FLOAT]: 4,
  [ScalarType.FIXED32]: 4,
  [ScalarType.SFIXED32]: 4,
  [ScalarType.DOUBLE]: 8,
  [ScalarType.FIXED64]: 8,
  [ScalarType.SFIXED64]: 8,
};

function tooMany(what: string): never {
  throw new RangeError(
    `Cannot import model: expected at most ${what}, got more: export the network alone, with its weights as raw data, ` +
      "and simplify it with onnxsim",
  );
}

function cutShort(): never {
  throw new SyntaxError("it is cut short");
}
