// Runs command lines in this process, without starting the program.
import { type Context, type Outcome, UsageError } from '../lib/cli/command.ts';
import { type CommandTable, runCommandLine } from '../lib/cli/parser.ts';
import { commands } from '../lib/commands/index.ts';

/** What a test does not provide stays silent. */
export function silentContext(more: Partial<Context> = {}): Context {
	const endEarly = (error: unknown) => {
		throw error;
	};
	const signal = new AbortController().signal;
	return { signal, note() {}, report() {}, endEarly, continuable() {}, progress() {}, ...more };
}

/** @returns the command's result, and what was written: help, and what is wrong with the command line */
export async function runLine(
	args: readonly string[],
	table: CommandTable = commands,
	context = silentContext(),
	columns = 80,
) {
	let outcome: Outcome | undefined;
	let [help, wrong] = ['', ''];
	let isFine = true;
	const running = runCommandLine(args, table, {
		...{ version: '1.2.3', columns },
		writeOut: (text) => {
			help += text;
		},
		writeError: (text) => {
			wrong += text;
		},
		run: async (command, input) => {
			outcome = await command.run(input, context);
		},
	});
	await running.catch((error: unknown) => {
		if (!(error instanceof UsageError)) throw error;
		isFine = false;
		wrong += error.message;
	});
	return { isFine, outcome, help, wrong };
}
