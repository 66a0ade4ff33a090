/** Figures that all looks at a network in training share. */

/** A forward pass takes this share of the time of an update's pass. */
export const FORWARD = 1 / 3;

/** Crops are drawn ahead with their rate and place: at most this many updates, or those up to the next checkpoint. */
export const DRAWN_AHEAD = 5;

/** The least multiple that is not below a value. */
export const upTo = (multiple: number, value: number): number => multiple * Math.ceil(value / multiple);
