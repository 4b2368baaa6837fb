// How the values of options are written.
import { UsageError } from './command.ts';

/** Decimal digits, as people and programs write numbers: no `0x10`, no `1_000`. */
const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

/** @returns undefined for anything but a finite decimal number; what range it may be in is for the library to say */
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

/** The parts of a list between commas, without the space around them. */
export function readList(text: string): string[] {
	return text.split(',').map((part) => part.trim());
}
