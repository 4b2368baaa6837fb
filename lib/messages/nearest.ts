// Guesses what a mistyped word means. By hand, because commander suggests nothing for words cut short.

/** The known word that a mistyped one most likely means: one it begins, or one close to it; undefined if there is none. */
export function nearest(word: string, known: readonly string[]): string | undefined {
	const begun = word && known.find((candidate) => candidate.startsWith(word));
	if (begun) return begun;
	let best: string | undefined;
	// At most a third of the letters may be wrong; beyond that it would be a wild guess.
	let bestDistance = Math.floor(Math.max(word.length, 3) / 3) + 1;
	for (const candidate of known) {
		const distance = editDistance(word, candidate);
		if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
	}
	return best;
}

/** Least number of letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
	const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
	for (let i = 1; i <= a.length; i++) {
		const [row, above] = [[i], rows[i - 1]!];
		for (let j = 1; j <= b.length; j++) {
			const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
			const swapped =
				i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2]![j - 2]! + 1 : replaced;
			row.push(Math.min(replaced, swapped, above[j]! + 1, row[j - 1]! + 1));
		}
		rows.push(row);
	}
	return rows[a.length]![b.length]!;
}
