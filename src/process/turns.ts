/** Turns of the loop, for hundreds who go on at the same moment: each does little, but all in one turn would hold the thread. */

/** Who goes on in one turn: each takes up to a millisecond. */
const PER_TURN = 8;

export class Turns {
  readonly #waiting: (() => void)[] = [];
  /** How many more may go on in this turn. */
  #left = PER_TURN;
  #isSet = false;

  /** Resolves in this turn, or in a later one where enough have gone on in this one; in the order of the calls. */
  async take(): Promise<void> {
    if (!this.#isSet) this.#set();
    if (this.#left > 0) this.#left--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #set(): void {
    this.#isSet = true;
    setTimeout(() => this.#next());
  }

  #next(): void {
    this.#isSet = false;
    const next = this.#waiting.splice(0, PER_TURN);
    this.#left = PER_TURN - next.length;
    if (next.length > 0) this.#set();
    for (const go of next) go();
  }
}
