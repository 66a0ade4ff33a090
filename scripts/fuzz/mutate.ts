/** Damaged variants of good inputs; the same seed gives the same ones. */
import { Random } from "../../src/tensor/mod.ts";

/** Values at which readers of sizes and counts break. */
const EDGES = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];
const WORDS = [
  "\0",
  "\ud800",
  "../",
  "é".repeat(100),
  '"',
  "{",
  "}",
  "[",
  "9".repeat(400),
  "-1",
  "NaN",
  "1e999",
  "\r\n",
];

/** A variant with one to eight changes. */
export function mutated(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  let out = new Uint8Array(bytes);
  const changes = 1 + random.integer(8);
  for (let i = 0; i < changes; i++) out = change(out, random);
  return out;
}

function change(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  if (bytes.length === 0) return Uint8Array.of(random.integer(256));
  const at = random.integer(bytes.length);
  const length = 1 + random.integer(Math.min(64, bytes.length));
  const out = bytes.slice();
  switch (random.integer(8)) {
    case 0: // one bit
      out[at] ^= 1 << random.integer(8);
      return out;
    case 1: // an edge
      out[at] = EDGES[random.integer(EDGES.length)];
      return out;
    case 2: // a 32-bit number at an edge
      for (let k = 0; k < 4 && at + k < out.length; k++) out[at + k] = [0xff, 0x7f, 0x00, 0x80][random.integer(4)];
      return out;
    case 3: // cut off
      return out.subarray(0, at).slice();
    case 4: // a part twice
      return joined(bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at));
    case 5: // a part less
      return joined(bytes.subarray(0, at), bytes.subarray(at + length));
    case 6: // noise
      for (let k = at; k < Math.min(at + length, out.length); k++) out[k] = random.integer(256);
      return out;
    default: { // a word that breaks texts
      const word = new TextEncoder().encode(WORDS[random.integer(WORDS.length)]);
      return joined(bytes.subarray(0, at), word, bytes.subarray(at));
    }
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
