import assert from "node:assert/strict";
import { replaceRegion } from "./region.ts";

Deno.test("replaceRegion() writes between the region's marks, again and again, and nowhere else", () => {
  const page = "# Page\n\n<!-- a -->\nold\n<!-- end of a -->\n\n<!-- b -->\n<!-- end of b -->\nlast\n";
  const once = replaceRegion(page, "a", "| new |");
  assert.ok(once.startsWith("# Page\n\n<!-- a -->\n\n<!-- deno-fmt-ignore-start -->\n\n| new |\n\n"));
  assert.ok(once.endsWith("<!-- end of a -->\n\n<!-- b -->\n<!-- end of b -->\nlast\n"));
  assert.ok(!once.includes("old"));
  assert.equal(replaceRegion(once, "a", "| new |"), once);
  assert.throws(() => replaceRegion(page, "c", ""), {
    name: "SyntaxError",
    message: /^Cannot write the region c: expected <!-- c -->/,
  });
});
