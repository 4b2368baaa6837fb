// Parses the command line with commander: a table of commands, each loaded when it is used.
import { CommanderError, Command as Line, Option } from 'commander';
import { nearest } from '../messages/nearest.ts';
import { describe } from '../options/check.ts';
import { type Command, type OptionSpec, type ParsedArguments, UsageError } from './command.ts';
import { localPath } from './path.ts';
import { readList, readNumber } from './values.ts';
import { flagOf } from './wording.ts';

/** Commands by name, each with its purpose and loader, or a group of commands; or both. */
export type CommandTable = Readonly<Record<string, CommandEntry>>;
type Loader = { load: () => Promise<{ default: Command }> };
type CommandEntry = Readonly<
	{ summary: string } & (Loader | { commands: CommandTable } | (Loader & { commands: CommandTable }))
>;

export interface Surroundings {
	version: string;
	/** Width of the help. */
	columns: number;
	/** Requested help. */
	writeOut(text: string): void;
	/** Help for want of a command. */
	writeError(text: string): void;
	run(command: Command, input: ParsedArguments): Promise<void>;
	/** Called with the chosen command: `engines build`. */
	onChoice?(name: string): void;
}

const footer = `
  arc2face <command> --help   options, an example, and what --json prints

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no face found, 4 to 6 what verify finds, 130 interrupted; of several inputs the lowest but 0.
A result that exists already (without --force) or a wrong file: URL is wrong usage: then nothing is done for any input.

With --json every ending prints one object. Where all of it failed it has an "error"; where one input did, that one's result has: \
code, problem, remedy (where something helps) and details.`;

/**
 * Reads a command line and runs the command that it names, or shows the help that it asks for.
 *
 * @throws {UsageError} for what is no command line
 */
export async function runCommandLine(
	args: readonly string[],
	table: CommandTable,
	surroundings: Surroundings,
): Promise<void> {
	let current: Line | undefined;
	const program = group(new Line('arc2face'), table, surroundings, (line) => {
		current = line;
	})
		.description('New photographs of the same person.')
		.version(surroundings.version, '-v, --version', 'version of this package')
		.addHelpText('after', ({ command }) => command.createHelp().boxWrap(footer, surroundings.columns));
	const words = args[0] === 'help' ? [...args.slice(1), '--help'] : [...args];
	const [name] = words;
	try {
		// For an unknown command commander would show the program's help.
		if (name !== undefined && !name.startsWith('-') && !Object.hasOwn(table, name)) {
			program.error(`error: unknown command '${name}'`, { code: 'commander.unknownCommand' });
		}
		await program.parseAsync(words, { from: 'user' });
	} catch (error) {
		if (!(error instanceof CommanderError)) throw error;
		if (error.exitCode !== 0) throw usageError(error, current ?? program, words);
	}
}

/** Commander's complaint as one of ours: a sentence, and what may have been meant. */
function usageError({ code, message }: CommanderError, line: Line, words: readonly string[]): UsageError {
	if (code === 'commander.help')
		return new UsageError(`Expected a command after ${pathOf(line)}.`, `See ${pathOf(line)} --help.`);
	const text = message.replace(/^error: ./, (start) => start.slice(-1).toUpperCase()).replace(/[^.]$/, '$&.');
	if (code === 'commander.unknownOption') return new UsageError(text, optionHint(line, words));
	if (code === 'commander.unknownCommand') return new UsageError(text, commandHint(line, words));
	return new UsageError(text);
}

function group(line: Line, table: CommandTable, surroundings: Surroundings, onChoice: (line: Line) => void): Line {
	const { writeOut, writeError: writeErr, columns } = surroundings;
	const width = () => columns;
	// Errors are thrown, and told by the program.
	const output = { writeOut, writeErr, outputError() {}, getOutHelpWidth: width, getErrHelpWidth: width };
	line.exitOverride().configureOutput(output).configureHelp({ minWidthToWrap: 20 }).enablePositionalOptions();
	// Commander suggests nothing for words cut short: see `nearest`.
	line.showSuggestionAfterError(false).helpCommand(false).helpOption('-h, --help', 'show this help');
	for (const [name, entry] of Object.entries(table)) {
		const child = line.command(name).summary(entry.summary).description(`${entry.summary}.`);
		if ('commands' in entry) group(child, entry.commands, surroundings, onChoice);
	}
	line.hook('preSubcommand', async (_, child) => {
		onChoice(child);
		const entry = table[child.name()]!;
		if (!('load' in entry)) return;
		surroundings.onChoice?.(pathOf(child));
		complete(child, (await entry.load()).default, surroundings);
	});
	return line;
}

/** Adds to a command's entry what only the loaded command knows. */
function complete(line: Line, command: Command, { run, columns }: Surroundings): void {
	for (const argument of command.arguments) line.argument(argument);
	line.usage([...command.arguments, '[options]'].join(' '));
	for (const [name, spec] of Object.entries(command.options)) line.addOption(optionOf(name, spec));
	line.addHelpText('after', `\nExample:\n  ${command.example}\n\n${jsonHelp(line, command, columns)}`);
	line.action(() => run(command, { values: line.opts(), positionals: line.args }));
}

/** What `--json` prints, as a list like that of the options. */
function jsonHelp(line: Line, { json }: Command, columns: number): string {
	const help = line.createHelp();
	help.prepareContext({ helpWidth: columns });
	const widest = Math.max(...Object.keys(json).map((path) => path.length));
	const items = Object.entries(json).map(([path, what]) => help.formatItem(path, widest, what, help));
	return help.formatItemList('With --json:', items, help).join('\n').trimEnd();
}

function optionOf(name: string, spec: OptionSpec): Option {
	const flag = flagOf(name);
	if (spec.type === 'boolean') {
		const option = new Option(flag, spec.help);
		option.negate = false; // commander would make `provenance: true` of `--no-provenance` that is not there
		return option;
	}
	return new Option(`${flag} <${spec.value}>`, spec.help).argParser((text, earlier: unknown) => {
		const fail = (expected: string, remedy?: string): never => {
			throw new UsageError(`Expected ${expected} for ${flag} but received ${describe(text)}.`, remedy);
		};
		if (spec.type === 'number' && earlier === undefined) return readNumber(text) ?? fail('a number');
		// In `--out --force` the folder is missing; a lone dash is stdin or stdout, and a number may be negative.
		if (/^-[^\d.]/.test(text)) return fail('a value', `If a file has this name, write ./${text}.`);
		if (spec.type === 'repeated') return [...((earlier as string[] | undefined) ?? []), text];
		if (spec.type === 'list') return [...((earlier as string[] | undefined) ?? []), ...readList(text)];
		if (earlier !== undefined) throw new UsageError(`Expected ${flag} once but received it twice.`);
		if (spec.type === 'path') return localPath(text, name);
		const isChoice = spec.type !== 'string' || spec.choices === undefined || spec.choices.includes(text);
		return isChoice ? text : fail(`one of ${spec.choices!.join(', ')}`);
	});
}

/** Suggests what a mistyped option may mean, or else where to find the known ones. */
function optionHint(line: Line, words: readonly string[]): string {
	const isKnown = (word: string) => {
		const option = line.options.find(({ long }) => long === nameOf(word));
		return option === undefined ? word === '--help' : option.required || word === option.long;
	};
	const word = words.find((one) => /^--?[a-z]/i.test(one) && !isKnown(one)) ?? '';
	const meant = nearest(nameOf(word), [...line.options.map(({ long }) => long!), '--help']);
	return meant === undefined ? `See ${pathOf(line)} --help.` : `Did you mean ${meant}?`;
}

/** Suggests what a mistyped command may mean, or else lists all. */
function commandHint(line: Line, words: readonly string[]): string {
	const names = line.commands.map((command) => command.name());
	const path = pathOf(line).split(' ');
	const meant = nearest(words.find((word) => !path.includes(word)) ?? '', names);
	return meant === undefined ? `There are ${names.join(', ')}.` : `Did you mean ${meant}?`;
}

/** `--out=a` without its value. */
function nameOf(word: string): string {
	return word.split('=')[0]!;
}

function pathOf(line: Line): string {
	return line.parent ? `${pathOf(line.parent)} ${line.name()}` : line.name();
}
