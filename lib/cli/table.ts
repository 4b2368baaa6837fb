// Formats tables for people.
/** Rows under a header, in columns as wide as their widest cell; numbers right-aligned. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
	const cells = [header, ...rows.map((row) => row.map(String))];
	const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
	const right = header.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'));
	return cells
		.map((row) =>
			row
				.map((cell, column) => (right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
				.join('  ')
				.trimEnd(),
		)
		.join('\n');
}
