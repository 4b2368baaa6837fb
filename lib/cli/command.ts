import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from './nearest.ts';

/** `value` is the name that the help gives to what follows the option. */
export type OptionSpec =
	| { type: 'boolean'; help: string }
	| { type: 'string'; value: string; help: string }
	| { type: 'number'; value: string; help: string };
type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export type OptionValues<Specs extends OptionSpecs> = {
	[Name in keyof Specs]: { boolean: boolean; string: string; number: number }[Specs[Name]['type']] | undefined;
};

/** What a command gets from the program around it. */
export interface Context {
	/** Aborts when the user interrupts. */
	signal: AbortSignal;
	/** Tells the user something that is not the result. */
	note(text: string): void;
	/** Shows how far the work named by `label` is; the next label ends it. */
	progress(
		label: string,
		progress: { done: number; total: number | undefined; unit: 'bytes' | 'steps' | 'percent' },
	): void;
}

/** A command is data plus `run`, which returns a value; how the value reads on a terminal is `text`. */
interface Definition<Specs extends OptionSpecs, Result> {
	name: string;
	/** One line, for the list of commands. */
	summary: string;
	/** What comes without a dash: its name in the help, and how many there may be. */
	positionals: { name: string; least: number; most: number };
	options: Specs;
	example: string;
	run(input: { values: OptionValues<Specs>; positionals: string[] }, context: Context): Promise<Result>;
	text(result: Result): string;
	/** 0 unless the result itself means that something is wrong. */
	exitCode?(result: Result): number;
}

export interface Outcome {
	value: unknown;
	text: string;
	exitCode: number;
}

export interface Command {
	name: string;
	summary: string;
	usage: string;
	example: string;
	options: OptionSpecs;
	/** @throws {UsageError} when the arguments do not fit, before any work */
	run(input: ParsedArguments, context: Context): Promise<Outcome>;
}

export interface ParsedArguments {
	values: Record<string, string | boolean | undefined>;
	positionals: string[];
}

/** What `parseArgs` tells of an option. */
type OptionToken = { rawName: string; value?: string | undefined; inlineValue?: boolean | undefined };

/** The command line itself is wrong: exit code 2. Never leaves the program. */
export class UsageError extends Error {
	override readonly name = 'UsageError';
}

/** The options that every command has. */
export const commonOptions = {
	json: { type: 'boolean', help: 'print the result as JSON' },
	help: { type: 'boolean', help: 'show this help' },
} as const satisfies OptionSpecs;

/** Ties the types of options, `run` and `text` together, and hides them from the list of commands. */
export function defineCommand<const Specs extends OptionSpecs, Result>(definition: Definition<Specs, Result>): Command {
	const { name, summary, example, positionals } = definition;
	return {
		name,
		summary,
		example,
		usage: `arc2face ${name}${positionals.name && ` ${positionals.name}`} [options]`,
		options: definition.options,
		async run(input, context) {
			requireCount(definition, input.positionals.length);
			const values = typedValues(definition.options, input.values);
			const value = await definition.run({ values, positionals: input.positionals }, context);
			return { value, text: definition.text(value), exitCode: definition.exitCode?.(value) ?? 0 };
		},
	};
}

/** @throws {UsageError} for an option that the command does not have, or one without its value */
export function parseCommandLine(args: readonly string[], { name, options: own }: Command): ParsedArguments {
	const specs: OptionSpecs = { ...own, ...commonOptions };
	const options: NonNullable<ParseArgsConfig['options']> = {};
	for (const [option, { type }] of Object.entries(specs)) {
		options[option] = { type: type === 'boolean' ? 'boolean' : 'string' };
	}
	options.help = { type: 'boolean', short: 'h' };
	// Not strict, which would take the minus of a number for an option; what it refuses is refused here.
	const parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true });
	for (const token of parsed.tokens) {
		if (token.kind !== 'option') continue;
		const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
		if (spec === undefined) {
			const known = nearest(token.name, Object.keys(specs));
			const hint = known === undefined ? `See arc2face ${name} --help.` : `Did you mean --${known}?`;
			throw new UsageError(`Unknown option ${token.rawName} for ${name}. ${hint}`);
		}
		requireValue(spec, token);
	}
	return { values: parsed.values as ParsedArguments['values'], positionals: parsed.positionals };
}

function requireValue(spec: OptionSpec, { rawName, value, inlineValue }: OptionToken): void {
	if (spec.type === 'boolean') {
		if (value !== undefined) throw new UsageError(`Expected no value for ${rawName} but received "${value}".`);
		return;
	}
	if (value === undefined) throw new UsageError(`Expected ${spec.value} for ${rawName} but received nothing.`);
	if (inlineValue || !/^-[^\d.]/.test(value)) return;
	throw new UsageError(
		`Expected ${spec.value} for ${rawName} but received "${value}". If it is meant, write ${rawName}=${value}.`,
	);
}

function requireCount(
	{ name, positionals }: { name: string; positionals: Definition<OptionSpecs, unknown>['positionals'] },
	count: number,
) {
	const { least, most, name: expected } = positionals;
	if (count >= least && count <= most) return;
	throw new UsageError(
		`Expected ${expected || 'no arguments'} for ${name} but received ${count === 0 ? 'nothing' : `${count} arguments`}.`,
	);
}

function typedValues<Specs extends OptionSpecs>(specs: Specs, values: ParsedArguments['values']): OptionValues<Specs> {
	const typed = Object.entries(specs).map(([name, { type }]) => {
		const given = values[name];
		return [name, type === 'number' && typeof given === 'string' ? parseNumber(given, `--${name}`) : given];
	});
	return Object.fromEntries(typed) as OptionValues<Specs>;
}

/** @throws {UsageError} for anything but a decimal number; what range it may be in is for the library to say */
export function parseNumber(text: string, name: string): number {
	const number = Number(text);
	if (text.trim() === '' || !Number.isFinite(number)) {
		throw new UsageError(`Expected a number for ${name} but received "${text}".`);
	}
	return number;
}
