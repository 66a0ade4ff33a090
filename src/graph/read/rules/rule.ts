/** The view that an import rule has of a foreign node: inputs and attributes, checked as they are read. */
import { safeInteger } from "../decode.ts";
import type { RawAttr, RawNode, RawTensor } from "../raw.ts";
import type { FoldingBuilder } from "../fold.ts";
import type { Ops, Value } from "../../ir/ir.ts";
import { ONNX_DTYPES } from "../../ir/dtypes.ts";
import { normalizeAxis } from "../../ops/operands.ts";
import { type DType, quoted } from "../../../tensor/mod.ts";

/** Returns the outputs of a foreign node as values of the IR, in order. */
export type Rule = (c: RuleContext) => Value | readonly Value[];
export type Rules = Readonly<Record<string, Rule>>;

/** Longest list of indices that a rule makes. */
const MAX_LIST = 2 ** 24;

/** Returns `n`. @throws {RangeError} a list of `n` elements would be too long */
export function listLength(n: number): number {
  if (!(n <= MAX_LIST)) throw new RangeError(`expected at most ${MAX_LIST} indices, got ${n}`);
  return n;
}

/** Reads one node and records what was read, so that no input or attribute is ignored silently. */
export class RuleContext {
  readonly op: Ops;
  readonly #seen = new Set<string | number>();

  constructor(
    readonly b: FoldingBuilder,
    readonly node: RawNode,
    readonly opset: number,
    readonly inputs: readonly (Value | null)[],
  ) {
    this.op = b.op;
  }

  /** Input `i`. @throws {TypeError} when it is absent */
  x(i: number, what = `input ${i}`): Value {
    const value = this.optional(i);
    if (value === null) throw new TypeError(`expected ${what}, got none`);
    return value;
  }

  /** Input `i`, or null. */
  optional(i: number): Value | null {
    this.#seen.add(i);
    return this.inputs[i] ?? null;
  }

  /** All inputs of an operator that takes any number of them. */
  all(): Value[] {
    if (this.inputs.length === 0) throw new TypeError("expected at least one input, got none");
    return this.inputs.map((_, i) => this.x(i));
  }

  /** The tensor of input `i`, where it depends on constants only. */
  known(i: number): RawTensor | undefined {
    const value = this.optional(i);
    return value === null ? undefined : this.b.known(value);
  }

  /**
   * The numbers of constant input `i`, undefined where it is absent. @throws {TypeError} when it is computed at run
   * time
   */
  numbers(i: number, what: string): number[] | undefined {
    if (this.optional(i) === null) return undefined;
    const t = this.known(i);
    if (t === undefined) {
      throw new TypeError(
        `expected constant ${what}, got a value computed at run time: export with fixed sizes (without "dynamic_axes"), ` +
          "or fold it with onnxsim",
      );
    }
    return Array.from<number | bigint, number>(t.data, (v) => typeof v === "bigint" ? safeInteger(v) : v);
  }

  /** Integers that are an attribute in older operator sets and input `i` in newer ones. */
  ints(name: string, i: number): number[] | undefined {
    const list = this.intsAttr(name) ?? this.numbers(i, name);
    if (list?.some((v) => !Number.isInteger(v))) throw new TypeError(`expected integers as ${name}, got [${list}]`);
    return list;
  }

  intsAttr(name: string): number[] | undefined {
    const value = this.attr(name);
    if (value === undefined) return undefined;
    const numbers = Array.isArray(value) ? value.filter((v) => typeof v === "number") : [];
    if (!Array.isArray(value) || numbers.length < value.length) {
      throw new TypeError(`expected numbers in attribute ${name}`);
    }
    return numbers;
  }

  number(name: string): number | undefined {
    const value = this.attr(name);
    if (value !== undefined && typeof value !== "number") throw new TypeError(`expected a number in attribute ${name}`);
    return value;
  }

  text(name: string): string | undefined {
    const value = this.attr(name);
    if (value !== undefined && typeof value !== "string") throw new TypeError(`expected text in attribute ${name}`);
    return value;
  }

  /** An axis attribute counted from the start. @throws {RangeError} when the tensor has no such axis */
  axis(fallback: number, rank: number, name = "axis"): number {
    return normalizeAxis(this.number(name) ?? fallback, rank);
  }

  attr(name: string): RawAttr | undefined {
    this.#seen.add(name);
    return this.node.attrs.get(name);
  }

  /** Marks attributes as read that have no meaning here. */
  ignore(...names: string[]): void {
    names.forEach((n) => this.#seen.add(n));
  }

  /** @throws {TypeError} when an attribute asks for something that the IR does not do */
  only(name: string, ...allowed: RawAttr[]): void {
    const value = this.attr(name);
    if (value !== undefined && !allowed.includes(value)) {
      throw new TypeError(`expected attribute ${name} to be ${allowed.join(" or ")}, got ${quoted(String(value))}`);
    }
  }

  /** A text attribute that takes one of `allowed`; the first is the default. @throws {TypeError} another */
  choice<const T extends string>(name: string, allowed: readonly [T, ...T[]]): T {
    this.only(name, ...allowed);
    return allowed.find((text) => text === this.attr(name)) ?? allowed[0];
  }

  /** Casts to another dtype; returns a value of the same dtype unchanged. */
  cast(v: Value, dtype: DType): Value {
    return v.dtype === dtype ? v : this.op.Cast(v, { to: ONNX_DTYPES[dtype] });
  }

  /** @throws {TypeError} naming an input or attribute that the rule did not read */
  finish(): void {
    const input = this.inputs.findIndex((v, i) => v !== null && !this.#seen.has(i));
    if (input >= 0) throw new TypeError(`expected ${input} inputs, got a further one`);
    const attr = [...this.node.attrs.keys()].find((name) => !this.#seen.has(name));
    if (attr !== undefined) throw new TypeError(`expected no attribute ${quoted(attr)}`);
  }
}
