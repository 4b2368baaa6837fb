// Arithmetic of identities: 512 numbers of length 1 each.

/** Cosine of the angle between two: the higher, the more alike. */
export function similarity(a, b) {
	return a.reduce((sum, x, k) => sum + x * b[k], 0);
}

/**
 * On the arc between two, as `Identity.slerp` has it.
 *
 * @param {number} share - 0 is `a`, 1 is `b`
 */
export function between(a, b, share) {
	const angle = Math.acos(Math.min(Math.max(similarity(a, b), -1), 1));
	const sine = Math.sin(angle);
	// Between nearly equal ones the arc is straight, and the sine a bad divisor.
	const near = sine < 1e-6;
	const ofA = near ? 1 - share : Math.sin((1 - share) * angle) / sine;
	const ofB = near ? share : Math.sin(share * angle) / sine;
	const mixed = a.map((x, k) => ofA * x + ofB * b[k]);
	const length = Math.hypot(...mixed);
	return mixed.map((x) => x / length);
}
