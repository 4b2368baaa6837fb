// The form of a command: data, and a `run` that returns a value.

/** `value` names in the help what follows the option. Lists are separated by commas; what may be `repeated` is taken as it is. */
export type OptionSpec =
	| { type: 'boolean'; help: string }
	| { type: 'string'; value: string; help: string; choices?: readonly string[] }
	| { type: 'path' | 'number' | 'list' | 'repeated'; value: string; help: string };
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export type OptionValues<Specs extends OptionSpecs> = {
	[Name in keyof Specs]:
		| {
				boolean: boolean;
				string: string;
				path: string;
				number: number;
				list: string[];
				repeated: string[];
		  }[Specs[Name]['type']]
		| undefined;
};

/** Of the last three a rate is told. */
export type ProgressUnit = 'bytes' | 'steps' | 'networks' | 'percent' | 'people' | 'images' | 'shards';

/** What the program gives to a command. */
export interface Context {
	/** Aborts when the user interrupts. */
	signal: AbortSignal;
	/** Tells the user something that is not the result. */
	note(text: string): void;
	/** Reports at once a failure that does not end the command. */
	report(error: unknown): void;
	/** Has the result printed although an error ended the work midway, and the error then told: its exit code counts. */
	endEarly(error: unknown): void;
	/** From here on, the same command goes on where this one is interrupted. */
	continuable(): void;
	/** Shows how far the work named by `label` is; the next label ends it. */
	progress(label: string, progress: { done: number; total: number | undefined; unit: ProgressUnit }): void;
}

/** A command is data plus `run`, which returns a value; `text` formats it when there is no `--json`. */
interface Definition<Specs extends OptionSpecs, Result extends object> {
	/** Positional arguments: `<one>`, `[optional]`, `<several...>`. */
	arguments: readonly string[];
	/** By their names in the library; `guidanceScale` is written `--guidance-scale`. */
	options: Specs;
	example: string;
	/** What `--json` prints: paths such as `results[].faces` and what is there. */
	json: Readonly<Record<string, string>>;
	run(input: { values: OptionValues<WithCommon<Specs>>; positionals: string[] }, context: Context): Promise<Result>;
	/** Bytes are printed unchanged. */
	text(result: Result): string | Uint8Array;
	/** 0 unless the result itself says that something is wrong. */
	exitCode?(result: Result): number;
}

export interface Outcome {
	value: object;
	text: string | Uint8Array;
	exitCode: number;
}

export interface Command {
	arguments: readonly string[];
	options: OptionSpecs;
	example: string;
	json: Readonly<Record<string, string>>;
	/** @throws {UsageError} when the arguments do not fit, before any work */
	run(input: ParsedArguments, context: Context): Promise<Outcome>;
}

export interface ParsedArguments {
	values: Record<string, unknown>;
	positionals: string[];
}

/** The command line itself is wrong: exit code 2. Never leaves the program. */
export class UsageError extends Error {
	override readonly name = 'UsageError';
	readonly problem: string;
	readonly remedy: string | undefined;

	constructor(problem: string, remedy?: string) {
		super(remedy === undefined ? problem : `${problem} ${remedy}`);
		this.problem = problem;
		this.remedy = remedy;
	}
}

/** The options that every command has, besides `--help`. */
const commonOptions = { json: { type: 'boolean', help: 'print the result as JSON' } } as const satisfies OptionSpecs;
type WithCommon<Specs extends OptionSpecs> = Specs & typeof commonOptions;

/** Ties the types of options, `run` and `text` together, and hides them from the list of commands. */
export function defineCommand<const Specs extends OptionSpecs, Result extends object>(
	definition: Definition<Specs, Result>,
): Command {
	const { arguments: positionals, example, json } = definition;
	return {
		arguments: positionals,
		options: { ...definition.options, ...commonOptions },
		example,
		json: { ...json, error: 'of all of it: code, problem, remedy and details' },
		async run(input, context) {
			// The parser built them from the same specs.
			const value = await definition.run(input as Parameters<typeof definition.run>[0], context);
			return { value, text: definition.text(value), exitCode: definition.exitCode?.(value) ?? 0 };
		},
	};
}
