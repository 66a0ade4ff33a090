/** Dice of each label of two masks. */
export function diceOf(ours: ArrayLike<number>, theirs: ArrayLike<number>, values: readonly number[]): number[] {
  return values.map((value) => {
    let both = 0, either = 0;
    for (let v = 0; v < ours.length; v++) {
      const [a, b] = [ours[v] === value, theirs[v] === value];
      if (a && b) both++;
      either += Number(a) + Number(b);
    }
    return 2 * both / either;
  });
}
