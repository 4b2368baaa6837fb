// The rules for options, their wording, and the error for a value that breaks one.
import { Arc2FaceError, shortened } from '../errors.ts';
import { nearest } from '../messages/nearest.ts';
import { type Sentence, say } from '../messages/wording.ts';
import { isAbortSignal, isArrayLike, isPlainObject } from './brands.ts';

/** An option's rule, in words and as a test. */
export type Rule = Readonly<{
	expected: Sentence;
	fits: (value: unknown) => boolean;
	/** Of a value that does not fit, where more than `expected` can be told of it. */
	remedy?: (value: unknown) => Sentence | undefined;
}>;

/**
 * @param within - the option that these are options of, with a dot behind
 * @param elsewhere - for names that are options of other options: how to pass them
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for an unknown option, or one that breaks its rule
 */
export function check(
	call: string,
	options: object,
	known: Readonly<Record<string, Rule>>,
	within = '',
	elsewhere: Readonly<Record<string, string>> = {},
): void {
	if (typeof options !== 'object' || options === null || Array.isArray(options)) {
		throw invalid('an object', within === '' ? 'options' : within.slice(0, -1), describe(options));
	}
	for (const [name, value] of Object.entries(options)) {
		if (!Object.hasOwn(known, name)) {
			const place = Object.hasOwn(elsewhere, name) ? elsewhere[name] : undefined;
			throw unknownOption(call, shortened(name), Object.keys(known), place);
		}
		const { expected, fits, remedy } = known[name]!;
		if (value !== undefined && !fits(value)) throw invalid(expected, within + name, describe(value), remedy?.(value));
	}
}

function unknownOption(call: string, name: string, known: readonly string[], place: string | undefined) {
	const meant = nearest(name, known);
	return new Arc2FaceError(
		'INVALID_ARGUMENT',
		`Expected ${known.join(', ')} for the options of ${call} but received \`${name}\`.`,
		{
			remedy: place === undefined ? meant && `Did you mean \`${meant}\`?` : `Pass \`${place}\`.`,
			details: { option: name },
		},
	);
}

export const rules = {
	text: { expected: 'a non-empty string', fits: (value) => typeof value === 'string' && value !== '' },
	flag: { expected: 'true or false', fits: (value) => typeof value === 'boolean' },
	object: {
		expected: 'an object',
		fits: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
	},
	callback: { expected: 'a function', fits: (value) => typeof value === 'function' },
	signal: { expected: 'an AbortSignal', fits: isAbortSignal },
} satisfies Record<string, Rule>;

export function integer(from: number, to: number): Rule {
	return {
		expected: `an integer from ${from} to ${to}`,
		fits: (value) => Number.isInteger(value) && (value as number) >= from && (value as number) <= to,
	};
}

export function number(from: number, to: number): Rule {
	return {
		expected: `a number from ${from} to ${to}`,
		fits: (value) => typeof value === 'number' && value >= from && value <= to,
	};
}

export function listOf({ expected, fits }: Rule): Rule {
	return {
		expected: (wording) => `a list of at least one of: ${say(expected, wording)}`,
		fits: (value) => Array.isArray(value) && value.length > 0 && value.every(fits),
	};
}

export function oneOf(choices: readonly string[]): Rule {
	return { expected: `one of ${choices.join(', ')}`, fits: (value) => choices.includes(value as string) };
}

/** The error about an option or argument; it has a remedy only where the sentence is not enough. */
export function invalid(expected: Sentence, name: string, received: string, remedy?: Sentence): Arc2FaceError {
	const problem: Sentence = (wording) =>
		`Expected ${say(expected, wording)} for ${wording.option(name)} but received ${received}.`;
	return new Arc2FaceError('INVALID_ARGUMENT', problem, { remedy, details: { option: name } });
}

/**
 * A value for a message: short, with its type where that isn't obvious.
 *
 * @internal
 */
export function describe(value: unknown, depth = 0): string {
	if (typeof value === 'string') return JSON.stringify(shortened(value));
	if (typeof value === 'function') return 'a function';
	const inner = (part: unknown) => describe(part, depth + 1);
	if (Array.isArray(value)) {
		if (depth === maxDepth) return `a list of ${value.length}`;
		return `[${value.slice(0, 12).map(inner).join(', ')}${value.length > 12 ? `, … ${value.length} in all` : ''}]`;
	}
	if (isArrayLike(value)) return `${article(value.constructor?.name || 'list')} of ${value.length}`;
	if (typeof value === 'object' && value !== null) {
		const fields = Object.entries(value).slice(0, 12);
		if (!isPlainObject(value) || fields.length === 0) return article(value.constructor?.name || 'object');
		if (depth === maxDepth) return `an object of ${fields.map(([name]) => shortened(name)).join(', ')}`;
		return `{ ${fields.map(([name, part]) => `${shortened(name)}: ${inner(part)}`).join(', ')} }`;
	}
	return String(value);
}

/** Levels of nesting that a message shows: enough for a list of points or sizes, and an end for cycles. */
const maxDepth = 3;

function article(noun: string): string {
	return `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`;
}
