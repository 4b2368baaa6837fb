// Numbers and their requirements.
/** A measured number, and its requirement, if any. */
export type Row = Readonly<{
	name: string;
	value: number;
	asked?: Readonly<{ least: number } | { most: number } | { above: number } | { below: number }>;
	/** For what has to be as good of every group of people. */
	better?: 'more' | 'less';
}>;

/** NaN never meets a requirement. */
export function isMet({ value, asked }: Row): boolean {
	if (asked === undefined) return true;
	if ('least' in asked) return value >= asked.least;
	if ('most' in asked) return value <= asked.most;
	return 'above' in asked ? value > asked.above : value < asked.below;
}

/** The rows as lines of a table. */
export function formatRows(rows: readonly Row[]): string[] {
	const width = Math.max(...rows.map(({ name }) => name.length));
	return rows.map((row) => {
		const verdict = row.asked && (isMet(row) ? 'met' : 'NOT MET');
		const columns = [row.name.padEnd(width), measured(row).padStart(9), describe(row).padEnd(15), verdict];
		return columns.join('  ').trimEnd();
	});
}

/** What is wrong, with a line for each number that misses its requirement; undefined if none does. */
export function describeMisses(rows: readonly Row[]): string | undefined {
	const missed = rows.filter((row) => !isMet(row));
	if (missed.length === 0) return undefined;
	const lines = missed.map((row) => `  ${row.name}: expected ${describe(row)} but measured ${measured(row)}`);
	return [`${missed.length} of the numbers miss what is asked of them:`, ...lines].join('\n');
}

function describe({ asked }: Row): string {
	return Object.entries(asked ?? {})
		.map(
			([bound, value]) =>
				`${bound === 'least' || bound === 'most' ? `at ${bound}` : bound} ${Number(value.toFixed(3))}`,
		)
		.join();
}

function measured({ value }: Row): string {
	return Number.isNaN(value) ? 'nothing' : value.toFixed(3);
}
