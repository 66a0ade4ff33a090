/** The values that a pickle describes. They hold no behaviour of the file: nothing in them runs. */

/** Plain values, the classes below, and the results of the caller's functions. */
export type PickleValue = null | boolean | number | bigint | string | object;

/** A name that a pickle may mention; one with `call` may also be called. */
export class PickleGlobal {
  constructor(
    readonly module: string,
    readonly name: string,
    readonly call?: (args: readonly PickleValue[]) => PickleValue,
  ) {}
}

/** A value that the caller has no use for; its parts are dropped. */
export class Opaque {}

/** A list, tuple or dict, with its depth and the number of values that a walk through it meets. */
export abstract class Container {
  depth = 1;
  walk = 1;

  protected count(value: PickleValue): void {
    const [depth, walk] = value instanceof Container ? [value.depth, value.walk] : [0, 1];
    this.depth = Math.max(this.depth, depth + 1);
    this.walk += walk;
  }
}

export class PickleList extends Container {
  readonly items: PickleValue[] = [];
  add(value: PickleValue): void {
    this.count(value);
    this.items.push(value);
  }
}

export class PickleTuple extends Container {
  constructor(readonly items: readonly PickleValue[]) {
    super();
    items.forEach((v) => this.count(v));
  }
}

/** A dict or OrderedDict. Keys are compared by identity, so two containers are always two keys. */
export class PickleDict extends Container {
  readonly entries = new Map<PickleValue, PickleValue>();
  set(key: PickleValue, value: PickleValue): void {
    this.count(key);
    this.count(value);
    this.entries.set(key, value);
  }
}
