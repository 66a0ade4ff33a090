/** What rooms above keep with an engine for as long as it lives: one object of each class, such as its loaded networks. */
export class Companions {
  readonly #made = new Map<new () => object, object>();

  /** The engine's object of a class, made when it is first asked for. */
  of<T extends object>(kind: new () => T): T {
    const found = this.#made.get(kind);
    if (found instanceof kind) return found;
    const made = new kind();
    this.#made.set(kind, made);
    return made;
  }
}
