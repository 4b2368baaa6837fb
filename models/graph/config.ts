// Checks of config fields that network definitions share.
import type { ConfigFile } from '../config-file.ts';

export const sizes = [1, 2 ** 16] as const;

/**
 * Rejects a config that needs what a network definition does not support.
 * @param supported - the supported values, by field; a missing or null field is always fine
 * @throws {Arc2FaceError} `INVALID_BUNDLE` naming file, field and value
 */
export function requireSupported(config: ConfigFile, supported: Record<string, readonly unknown[]>): void {
	for (const [field, values] of Object.entries(supported)) {
		const value = config.fields[field] ?? null;
		if (value === null || values.includes(value)) continue;
		throw config.error(field, [...values.map((one) => JSON.stringify(one)), 'null'].join(' or '));
	}
}

/** A list of positive integers, at least one. */
export function sizeList(config: ConfigFile, field: string, fallback: readonly number[]): readonly number[] {
	const values = config.numbers(field, 'a list of positive integers', isSize) ?? fallback;
	if (values.length === 0) throw config.error(field, 'a list of positive integers');
	return values;
}

/** A positive integer for each of `count` blocks: from a list, or one for all. */
export function sizePerBlock(config: ConfigFile, field: string, count: number, fallback: number): readonly number[] {
	const value = config.fields[field] ?? fallback;
	if (isSize(value)) return new Array<number>(count).fill(value);
	if (Array.isArray(value) && value.length === count && value.every(isSize)) return value;
	throw config.error(field, `a positive integer, or a list of ${count}`);
}

/** The type of each of `count` blocks: one of `types`. */
export function blockTypes(
	config: ConfigFile,
	field: string,
	count: number,
	types: readonly string[],
	fallback: readonly string[],
): readonly string[] {
	const value = config.fields[field] ?? fallback;
	if (Array.isArray(value) && value.length === count && value.every((type) => types.includes(type))) return value;
	throw config.error(field, `a list of ${count} block types, each ${types.join(' or ')},`);
}

function isSize(value: unknown): value is number {
	return Number.isInteger(value) && (value as number) >= sizes[0] && (value as number) <= sizes[1];
}
