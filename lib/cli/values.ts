// Parses the values of options.
import { UsageError } from './command.ts';

/** Decimal digits, as people and programs write numbers: no `0x10`, no `1_000`. */
const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

/** @returns undefined for anything but a finite decimal number; the library checks the range */
export function readNumber(text: string): number | undefined {
	const number = decimal.test(text.trim()) ? Number(text) : Number.NaN;
	return Number.isFinite(number) ? number : undefined;
}

/** @throws {UsageError} for anything but a number */
export function parseNumber(text: string, name: string): number {
	const number = readNumber(text);
	if (number === undefined) throw new UsageError(`Expected a number for ${name} but received "${text}".`);
	return number;
}

/** The parts of a comma-separated list, trimmed. */
export function readList(text: string): string[] {
	return text.split(',').map((part) => part.trim());
}
