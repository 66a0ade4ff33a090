/** The child of the tests of `runLimited()`: one way to behave for each task. */
import { DomainError } from "../../storage/mod.ts";
import { answerLimited } from "../limited.ts";

export interface LimitedWish {
  readonly does:
    | "echo"
    | "heap"
    | "buffers"
    | "spin"
    | "refuse"
    | "read"
    | "write"
    | "connect"
    | "environment"
    | "begin"
    | "exit";
  readonly path?: string;
}

answerLimited(async ({ does, path = "" }: LimitedWish): Promise<string> => {
  switch (does) {
    case "echo":
      return "echo";
    case "heap":
      for (const all: object[] = [];;) all.push({ n: all.length });
    case "buffers":
      for (const all: Uint8Array[] = [];;) all.push(new Uint8Array(2 ** 26).fill(1));
    case "spin":
      for (;;);
    case "refuse":
      throw new DomainError("invalid-weights", "Cannot import the weights: they are odd");
    case "read":
      return await Deno.readTextFile(path);
    case "write":
      await Deno.writeTextFile(path, "written");
      return "written";
    case "connect":
      return String((await Deno.connect({ port: 9 })).localAddr.transport);
    case "environment":
      return Object.keys(Deno.env.toObject()).join();
    case "begin":
      await Deno.writeTextFile(path, "begun");
      for (;;);
    case "exit":
      return Deno.exit(3);
  }
});
