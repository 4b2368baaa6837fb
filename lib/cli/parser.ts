// Parses the command line with commander: a table of commands, each loaded when it is used.
import { CommanderError, InvalidArgumentError, Command as Line, Option } from 'commander';
import type { Command, OptionSpec, ParsedArguments } from './command.ts';
import { nearest } from './nearest.ts';
import { localPath } from './path.ts';
import { readList, readNumber } from './values.ts';

/** Commands by name, each with its purpose and loader, or a group of commands. */
export type CommandTable = Readonly<Record<string, CommandEntry>>;
type CommandEntry = Readonly<
	{ summary: string } & ({ load: () => Promise<{ default: Command }> } | { commands: CommandTable })
>;

export interface Surroundings {
	version: string;
	/** Requested help. */
	writeOut(text: string): void;
	/** What is wrong with the command line. */
	writeError(text: string): void;
	run(command: Command, input: ParsedArguments): Promise<void>;
	/** Called with the chosen command: `engines build`. */
	onChoice?(name: string): void;
}

const footer = `
  arc2face <command> --help   options and an example

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no face found, 130 interrupted; of several inputs the worst, 1 before 2 before 3.
A result that exists already (without --force) or a wrong file: URL is wrong usage: then nothing is done for any input.`;

/**
 * Reads a command line and runs the command that it names, or shows the help that it asks for.
 *
 * @returns whether the command line was valid; if not, `writeError` was called
 */
export async function runCommandLine(
	args: readonly string[],
	table: CommandTable,
	surroundings: Surroundings,
): Promise<boolean> {
	let current: Line | undefined;
	const program = group(new Line('arc2face'), table, surroundings, (line) => {
		current = line;
	})
		.description('New photographs of the same person.')
		.version(surroundings.version, '-v, --version', 'version of this package')
		.addHelpText('after', footer);
	const words = args[0] === 'help' ? [...args.slice(1), '--help'] : [...args];
	const [name] = words;
	try {
		// For an unknown command commander would show the program's help.
		if (name !== undefined && !name.startsWith('-') && !Object.hasOwn(table, name)) {
			program.error(`error: unknown command '${name}'`, { code: 'commander.unknownCommand' });
		}
		await program.parseAsync(words, { from: 'user' });
		return true;
	} catch (error) {
		if (!(error instanceof CommanderError)) throw error;
		const line = current ?? program;
		if (error.code === 'commander.unknownOption') surroundings.writeError(`${optionHint(line, words)}\n`);
		if (error.code === 'commander.unknownCommand') surroundings.writeError(`${commandHint(line, words)}\n`);
		return error.exitCode === 0;
	}
}

function group(line: Line, table: CommandTable, surroundings: Surroundings, onChoice: (line: Line) => void): Line {
	const { writeOut, writeError: writeErr } = surroundings;
	line.exitOverride().configureOutput({ writeOut, writeErr }).enablePositionalOptions();
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
function complete(line: Line, command: Command, { run }: Surroundings): void {
	for (const argument of command.arguments) line.argument(argument);
	line.usage([...command.arguments, '[options]'].join(' '));
	for (const [name, spec] of Object.entries(command.options)) line.addOption(optionOf(name, spec));
	line.addHelpText('after', `\nExample:\n  ${command.example}`);
	line.action(() => run(command, { values: line.opts(), positionals: line.args }));
}

function optionOf(name: string, spec: OptionSpec): Option {
	const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
	if (spec.type === 'boolean') return new Option(flag, spec.help);
	return new Option(`${flag} <${spec.value}>`, spec.help).argParser((text, earlier: unknown) => {
		if (spec.type === 'number' && earlier === undefined) return readNumber(text) ?? fail('Expected a number.');
		// In `--out --force` the folder is missing; a lone dash is stdin or stdout, and a number may be negative.
		if (/^-[^\d.]/.test(text)) return fail(`If a file has this name, write ./${text}.`);
		if (spec.type === 'list') return [...((earlier as string[] | undefined) ?? []), ...readList(text)];
		if (earlier !== undefined) return fail('It was given before.');
		if (spec.type === 'path') return localPath(text);
		return spec.type === 'string' && spec.choices?.includes(text) === false
			? fail(`Expected ${spec.choices.join(', ')}.`)
			: text;
	});
}

function fail(message: string): never {
	throw new InvalidArgumentError(message);
}

/** Suggests what a mistyped option may mean, or else where to find the known ones. */
function optionHint(line: Line, words: readonly string[]): string {
	const isKnown = (word: string) => {
		const option = line.options.find(({ long }) => long === nameOf(word));
		return option === undefined ? word === '--help' : option.required || word === option.long;
	};
	const word = words.find((one) => /^--?[a-z]/i.test(one) && !isKnown(one)) ?? '';
	const meant = nearest(nameOf(word), [...line.options.map(({ long }) => long!), '--help']);
	return meant === undefined ? `(See ${pathOf(line)} --help.)` : `(Did you mean ${meant}?)`;
}

/** Suggests what a mistyped command may mean, or else lists all. */
function commandHint(line: Line, words: readonly string[]): string {
	const names = line.commands.map((command) => command.name());
	const path = pathOf(line).split(' ');
	const meant = nearest(words.find((word) => !path.includes(word)) ?? '', names);
	return meant === undefined ? `(There are ${names.join(', ')}.)` : `(Did you mean ${meant}?)`;
}

/** `--out=a` without its value. */
function nameOf(word: string): string {
	return word.split('=')[0]!;
}

function pathOf(line: Line): string {
	return line.parent ? `${pathOf(line.parent)} ${line.name()}` : line.name();
}
