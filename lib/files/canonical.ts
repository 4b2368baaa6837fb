// JSON of which every value has one text: fields sorted by name, nothing between.

/** As JSON.stringify, which leaves out what is undefined; but the fields of objects are in the order of their UTF-16 code units. */
export function canonical(value: unknown): string {
	return JSON.stringify(value, (_, part: unknown) =>
		typeof part === 'object' && part !== null && !Array.isArray(part)
			? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
			: part,
	);
}
