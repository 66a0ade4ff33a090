import assert from "node:assert/strict";
import { unpickle } from "./pickle.ts";
import { Opaque, PickleDict, PickleGlobal, PickleList, PickleTuple, type PickleValue } from "./pickle_values.ts";
import {
  bomb,
  build,
  type Code,
  dict,
  EMPTY_DICT,
  EMPTY_LIST,
  get,
  global,
  int,
  list,
  MARK,
  nested,
  persistent,
  pickleOf,
  put,
  reduce,
  text,
  tuple,
} from "../testing/pickle.ts";

const GLOBALS = [
  new PickleGlobal("math", "sum", (args) => args.reduce((a: number, b) => a + Number(b), 0)),
  new PickleGlobal("math", "pi"),
  new PickleGlobal("odd", "Thing", () => new Opaque()),
];
const read = (bytes: Uint8Array) => unpickle(bytes, { globals: GLOBALS, persistent: (id) => ["outside", id] });

/** Unpickled values as plain JavaScript. */
function plain(value: PickleValue): unknown {
  if (value instanceof PickleDict) return new Map([...value.entries].map(([k, v]) => [plain(k), plain(v)]));
  if (value instanceof PickleList) return value.items.map(plain);
  return value instanceof PickleTuple ? { tuple: value.items.map(plain) } : value;
}

Deno.test("unpickle() reads what CPython 3.11 writes, in protocols 2 and 4", () => {
  // pickle.dumps({"a": [1, -2, 300, 2**40, -1.5, None, True, False], "ü": (1, 2, 3, 4), "b": b"xy"}, protocol)
  const protocols = [
    "gAJ9cQAoWAEAAABhcQFdcQIoSwFK/v///00sAYoGAAAAAAABR7/4AAAAAAAAToiJZVgCAAAAw7xxAyhLAUsCSwNLBHRxBHUu",
    "gASVRAAAAAAAAAB9lCiMAWGUXZQoSwFK/v///00sAYoGAAAAAAABR7/4AAAAAAAAToiJZYwCw7yUKEsBSwJLA0sEdJSMAWKUQwJ4eZR1Lg==",
  ];
  const [two, four] = protocols.map((p) => plain(read(Uint8Array.fromBase64(p))) as Map<string, unknown>);
  const numbers = [1, -2, 300, 2 ** 40, -1.5, null, true, false];
  assert.deepEqual(two, new Map<string, unknown>([["a", numbers], ["ü", { tuple: [1, 2, 3, 4] }]]));
  assert.deepEqual([four.get("a"), four.get("ü")], [numbers, { tuple: [1, 2, 3, 4] }]);
  assert.deepEqual(four.get("b"), new TextEncoder().encode("xy"));
});

Deno.test("unpickle() calls listed functions, resolves persistent ids and remembers", () => {
  assert.equal(read(pickleOf(reduce(global("math", "sum"), int(2), int(3)))), 5);
  assert.deepEqual(plain(read(pickleOf(persistent(tuple(text("storage")))))), [
    "outside",
    new PickleTuple(["storage"]),
  ]);
  const shared = read(pickleOf(list(EMPTY_LIST, put(7), get(7)))) as PickleList;
  assert.equal(shared.items[0], shared.items[1]);
  const long = read(pickleOf([0x8a, 9, ...Array(8).fill(0xff), 0x7f]));
  assert.equal(long, 0x7fffffffffffffffffn);
});

Deno.test("unpickle() takes attributes of dicts and of opaque values, and forgets them", () => {
  assert.deepEqual(plain(read(pickleOf(build(EMPTY_DICT, dict([text("_metadata"), int(1)]))))), new Map());
  assert.ok(read(pickleOf(build(reduce(global("odd", "Thing")), tuple(int(3))))) instanceof Opaque);
});

const OS = global("os", "system");
const HOSTILE: Readonly<Record<string, readonly [Code, string, RegExp]>> = {
  "a call of os.system": [reduce(OS, text("touch /tmp/x")), "TypeError", /it asks for "os\.system", which is none/],
  "a global outside the list": [global("builtins", "eval"), "TypeError", /it asks for "builtins\.eval"/],
  "a global by STACK_GLOBAL": [[...text("nt"), ...text("system"), 0x93], "TypeError", /it asks for "nt\.system"/],
  "a listed name under another module": [global("sum", "math"), "TypeError", /it asks for "sum\.math"/],
  "a name that would break a log": [global("a\u001b[2J", "b"), "TypeError", /asks for "a\\u001b\[2J\.b"/],
  "a name of inherited properties": [global("constructor", "constructor"), "TypeError", /asks for "constructor/],
  "a call of what is no function": [reduce(global("math", "pi")), "TypeError", /it calls math\.pi, which is no func/],
  "a call of a text": [
    reduce(text("os.system"), text("id")),
    "TypeError",
    /it calls something other than a listed function/,
  ],
  "a call without a tuple": [[...global("math", "sum"), ...EMPTY_LIST, 0x52], "SyntaxError", /no tuple of arguments/],
  "an object of a class (NEWOBJ)": [[...OS, ...tuple(), 0x81], "TypeError", /os\.system/],
  "NEWOBJ of a listed name": [[...global("math", "pi"), ...tuple(), 0x81], "TypeError", /instruction NEWOBJ, which/],
  "an object of a class (INST)": [[MARK, 0x69], "TypeError", /the instruction INST, which makes an object/],
  "an object of a class (OBJ)": [[MARK, 0x6f], "TypeError", /the instruction OBJ, which/],
  "a name by number": [[0x82, 1], "TypeError", /the instruction EXT1, a name by number/],
  "an unknown instruction": [[0xff], "TypeError", /the instruction 0xff/],
  "attributes of a list": [
    build(EMPTY_LIST, EMPTY_DICT),
    "TypeError",
    /sets the attributes of something other than a dict/,
  ],
  "attributes of a function": [build(global("math", "sum"), EMPTY_DICT), "TypeError", /sets the attributes/],
  "an empty stack": [[0x61], "SyntaxError", /its stack is empty/],
  "a missing mark": [[...EMPTY_LIST, 0x65], "SyntaxError", /a mark is missing/],
  "a pop through a mark": [[...EMPTY_LIST, MARK, 0x30], "SyntaxError", /its stack is empty/],
  "two values": [[...EMPTY_LIST, ...EMPTY_LIST], "SyntaxError", /something left on its stack/],
  "a memo that was not kept": [get(9), "SyntaxError", /it refers to 9, which it has not kept/],
  "a key without a value": [[...EMPTY_DICT, MARK, ...int(1), 0x75], "SyntaxError", /a key has no value/],
  "items of a list": [
    [...EMPTY_LIST, ...int(1), ...int(2), 0x73],
    "SyntaxError",
    /items of something other than a dict/,
  ],
  "an append to a dict": [[...EMPTY_DICT, ...int(1), 0x61], "SyntaxError", /it appends to something other than a list/],
  "text that is not UTF-8": [[0x58, 1, 0, 0, 0, 0xff], "SyntaxError", /a text is not UTF-8/],
  "a text longer than the file": [[0x58, 0xff, 0xff, 0xff, 0x7f, 0x61], "SyntaxError", /it is cut short/],
  "a global without end": [[0x63, 0x61], "SyntaxError", /it is cut short/],
  "a protocol to come": [[0x80, 9], "SyntaxError", /expected protocol 5 or less, got 9/],
  "an integer of 255 bytes": [
    [0x8a, 255, ...Array(255).fill(1)],
    "RangeError",
    /integers of at most 32 bytes, got 255/,
  ],
  "deep nesting": [nested(100_000), "RangeError", /at most 64 containers in each other/],
  "many open marks": [Array(100).fill(MARK), "RangeError", /at most 64 open marks/],
  "a memo bomb": [bomb(9), "RangeError", /at most 20000000 values, counted with repetitions/],
  "a list in itself": [
    [...EMPTY_LIST, ...put(0), ...Array(40).fill([...get(0), 0x61]).flat()],
    "RangeError",
    /containers in each other|counted with repetitions/,
  ],
};

for (const [name, [code, error, message]] of Object.entries(HOSTILE)) {
  Deno.test(`unpickle() refuses ${name}`, () => {
    assert.throws(() => read(pickleOf(code)), { name: error, message });
  });
}

Deno.test("unpickle() refuses more bytes and more instructions than its limits", () => {
  const limits = { bytes: 8, operations: 3, depth: 9, walk: 9 };
  const bounded = (bytes: Uint8Array) => unpickle(bytes, { globals: [], persistent: () => null, limits });
  assert.throws(() => bounded(pickleOf(text("long"))), { message: /expected at most 8 bytes, got 12/ });
  assert.throws(() => bounded(pickleOf([0x4e, 0x30, 0x4e, 0x30, 0x4e])), {
    message: /expected at most 3 instructions/,
  });
});

Deno.test("unpickle() refuses a pickle cut anywhere, and bytes behind its end", () => {
  const whole = pickleOf(dict([text("a"), list(int(1), reduce(global("math", "sum"), int(2)))]));
  for (let n = 0; n < whole.length; n++) {
    assert.throws(() => read(whole.subarray(0, n)), { name: "SyntaxError", message: /^Cannot read the pickle: / });
  }
  assert.throws(() => read(Uint8Array.from([...whole, 0])), { message: /something after its end/ });
});

Deno.test("unpickle() never fails otherwise than with a refusal on damaged bytes", () => {
  const whole = pickleOf(dict([text("a"), list(int(1), reduce(global("math", "sum"), int(2)))], [text("b"), tuple()]));
  for (let at = 0; at < whole.length; at++) {
    for (const flip of [0x01, 0x10, 0xff]) {
      const damaged = whole.slice();
      damaged[at] ^= flip;
      try {
        read(damaged);
      } catch (error) {
        assert.match(String(error), /^(Syntax|Type|Range)Error: Cannot read the pickle: /, `byte ${at}`);
      }
    }
  }
});
