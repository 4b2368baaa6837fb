#!/usr/bin/env node
import { type Command, type Context, parseCommandLine, UsageError } from './cli/command.ts';
import { exitCodeOf, exitCodes } from './cli/exit-codes.ts';
import { commandHelp, programHelp } from './cli/help.ts';
import { nearest } from './cli/nearest.ts';
import { Progress } from './cli/progress.ts';
import { commands } from './commands/index.ts';
import { Arc2FaceError } from './errors.ts';
import { packageVersion } from './package.ts';

// The reader of a pipe may leave early (`arc2face detect a.jpg | head -1`): that is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
	stream.on('error', (error: NodeJS.ErrnoException) => {
		if (error.code === 'EPIPE') process.exit();
		throw error;
	});
}

const interruption = new AbortController();
const progress = new Progress(process.stderr);
process.on('SIGINT', interrupt);

// Not process.exit(): what was printed to a pipe may still be on its way.
process.exitCode = await main(process.argv.slice(2));

function interrupt(): void {
	if (!interruption.signal.aborted) {
		interruption.abort();
		return;
	}
	// Asked twice: the user does not want to wait until everything is given back. process.exit() would wait for native work.
	process.off('SIGINT', interrupt);
	process.kill(process.pid, 'SIGINT');
}

async function main([name, ...args]: string[]): Promise<number> {
	try {
		switch (name) {
			case undefined:
				console.error(programHelp(commands));
				return exitCodes.wrongUsage;
			case '--help':
			case '-h':
			case 'help':
				console.log(args[0] === undefined ? programHelp(commands) : commandHelp(find(args[0])));
				return exitCodes.done;
			case '--version':
			case '-v':
				console.log(packageVersion());
				return exitCodes.done;
			default:
				return await runCommand(find(name), args);
		}
	} catch (error) {
		progress.end();
		if (interruption.signal.aborted) {
			console.error('Interrupted.');
			return exitCodes.interrupted;
		}
		console.error(explain(error, name));
		return exitCodeOf(error);
	}
}

async function runCommand(command: Command, args: string[]): Promise<number> {
	const input = parseCommandLine(args, command);
	if (input.values.help) {
		console.log(commandHelp(command));
		return exitCodes.done;
	}
	const context: Context = {
		signal: interruption.signal,
		note(text) {
			progress.end();
			console.error(text);
		},
		progress: (label, state) => progress.show(label, state),
	};
	const { value, text, exitCode } = await command.run(input, context);
	progress.end();
	console.log(input.values.json ? JSON.stringify(value, undefined, '\t') : text);
	return exitCode;
}

function find(name: string): Command {
	const command = commands.find((known) => known.name === name);
	if (command !== undefined) return command;
	const known = commands.map((one) => one.name);
	const meant = nearest(name, known);
	throw new UsageError(
		`Unknown command "${name}". ${meant === undefined ? `There are ${known.join(', ')}.` : `Did you mean ${meant}?`}`,
	);
}

/** An error made on purpose is a message; any other is a bug, whose stack helps whoever reports it. */
function explain(error: unknown, command: string | undefined): string {
	if (error instanceof UsageError) return `arc2face: ${error.message}`;
	if (error instanceof Arc2FaceError) {
		const usage = error.code === 'INVALID_ARGUMENT' ? `See arc2face ${command} --help.` : undefined;
		const sentences = [error.problem, error.remedy ?? usage].filter((sentence) => sentence !== undefined);
		return `arc2face: ${error.code}: ${sentences.join(' ')}`;
	}
	return error instanceof Error ? `arc2face: ${error.stack}` : `arc2face: ${String(error)}`;
}
