/**
 * Metrics of classification (docs/method D.3). Classes are 0…C−1; scores are probabilities or logits `[case][class]`.
 */

function checkPairs(metric: string, predicted: readonly unknown[], actual: readonly number[]): void {
  if (predicted.length !== actual.length || actual.length === 0) {
    throw new RangeError(
      `Cannot compute ${metric}: expected as many predictions as cases, at least one, got ${predicted.length} and ${actual.length}`,
    );
  }
}

/** Share of the cases whose predicted class is the actual one. */
export function accuracy(predicted: readonly number[], actual: readonly number[]): number {
  checkPairs("accuracy", predicted, actual);
  return predicted.filter((p, i) => p === actual[i]).length / actual.length;
}

/** Plain mean over the classes of `2TP / (2TP + FP + FN)`, 0 where the denominator is 0. */
export function macroF1(predicted: readonly number[], actual: readonly number[], classes: number): number {
  checkPairs("macro F1", predicted, actual);
  let sum = 0;
  for (let c = 0; c < classes; c++) {
    const hits = predicted.filter((p, i) => p === c && actual[i] === c).length;
    const either = predicted.filter((p) => p === c).length + actual.filter((a) => a === c).length;
    sum += either === 0 ? 0 : 2 * hits / either;
  }
  return sum / classes;
}

/**
 * Area under the ROC curve: mean over the classes of one-vs-rest Mann–Whitney, ties count ½. A class that no case or
 * every case has is left out; NaN where none is left.
 */
export function auc(scores: readonly (readonly number[])[], actual: readonly number[]): number {
  checkPairs("AUC", scores, actual);
  const areas = scores[0].map((_, c) => binaryAuc(scores.map((row) => row[c]), actual.map((a) => a === c)))
    .filter((area) => !Number.isNaN(area));
  return areas.reduce((sum, area) => sum + area, 0) / areas.length;
}

/** The area from the rank sum of the positives; equal scores share their mean rank. */
function binaryAuc(scores: readonly number[], positive: readonly boolean[]): number {
  const order = scores.map((_, i) => i).sort((a, b) => scores[a] - scores[b]);
  let rankSum = 0;
  for (let i = 0; i < order.length;) {
    let end = i;
    while (end < order.length && scores[order[end]] === scores[order[i]]) end++;
    const meanRank = (i + 1 + end) / 2;
    for (; i < end; i++) if (positive[order[i]]) rankSum += meanRank;
  }
  const positives = positive.filter(Boolean).length;
  const pairs = positives * (positive.length - positives);
  return pairs === 0 ? NaN : (rankSum - positives * (positives + 1) / 2) / pairs;
}
