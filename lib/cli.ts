// The program: its channels, its signals and its exit code.
import { columnsOf, isLively, outliveReaders, print } from './cli/channels.ts';
import type { Context, Outcome } from './cli/command.ts';
import { exitCodeOf, exitCodes } from './cli/exit-codes.ts';
import { errorJson, explain, interrupted, presentable, sentences } from './cli/message.ts';
import { runCommandLine } from './cli/parser.ts';
import { Progress } from './cli/progress.ts';
import { commands } from './commands/index.ts';
import { packageVersion } from './package.ts';

outliveReaders();
const interruption = new AbortController();
const progress = new Progress(process.stderr, isLively(process.stderr));
process.on('SIGINT', interrupt);

// Not process.exit(): output to a pipe may still be on its way.
process.exitCode = await main(process.argv.slice(2));

function interrupt(): void {
	if (!interruption.signal.aborted) {
		interruption.abort();
		return;
	}
	// Interrupted twice: the user does not want to wait for a clean end. By the signal itself, so that a shell ends its script, too.
	process.off('SIGINT', interrupt);
	process.kill(process.pid, 'SIGINT');
}

/** Prints the result, then tells what went wrong. */
async function main(args: string[]): Promise<number> {
	const ending = await run(args);
	progress.end();
	const { outcome, failure, command, isContinuable } = ending;
	try {
		await print(asksForJson(args) ? jsonOf(ending) : textOf(ending));
	} catch (error) {
		tell(explain(error, command));
		return exitCodeOf(error);
	}
	if (failure === undefined) return outcome?.exitCode ?? exitCodes.done;
	const isInterrupted = interruption.signal.aborted;
	tell(isInterrupted ? sentences(interrupted(isContinuable)) : explain(failure.error, command));
	return isInterrupted ? exitCodes.interrupted : exitCodeOf(failure.error);
}

type Ending = {
	/** Help that was asked for. */
	help: string;
	/** With a failure: what was done before it. */
	outcome?: Outcome;
	failure?: { error: unknown };
	/** The command that was chosen: `arc2face engines build`. */
	command: string;
	/** Whether the same command goes on where it was interrupted. */
	isContinuable: boolean;
};

async function run(args: string[]): Promise<Ending> {
	const ending: Ending = { help: '', command: 'arc2face', isContinuable: false };
	const context: Context = {
		signal: interruption.signal,
		note: tell,
		report: (error) => tell(explain(error, ending.command)),
		endEarly: (error) => {
			ending.failure = { error };
		},
		continuable: () => {
			ending.isContinuable = true;
		},
		progress: (label, state) => progress.show(presentable(label), state),
	};
	try {
		await runCommandLine(args, commands, {
			...{ version: packageVersion(), columns: columnsOf(process.stdout) },
			run: async (command, input) => {
				ending.outcome = await command.run(input, context);
			},
			onChoice: (name) => {
				ending.command = name;
			},
			writeOut: (text) => {
				ending.help += text;
			},
			writeError: (text) => process.stderr.write(presentable(text)),
		});
	} catch (error) {
		ending.failure = { error };
	}
	return ending;
}

/** Read from the words themselves: it counts even where they are wrong. */
function asksForJson(args: readonly string[]): boolean {
	const end = args.indexOf('--');
	return args.slice(0, end === -1 ? undefined : end).includes('--json');
}

/** One object, whatever the ending, unless it is help. */
function jsonOf({ help, outcome, failure, command, isContinuable }: Ending): string {
	if (outcome === undefined && failure === undefined) return help;
	const error =
		failure && (interruption.signal.aborted ? interrupted(isContinuable) : errorJson(failure.error, command));
	return `${JSON.stringify({ ...outcome?.value, error }, undefined, '\t')}\n`;
}

function textOf({ help, outcome }: Ending): string | Uint8Array {
	if (outcome === undefined) return help;
	const { text } = outcome;
	return typeof text === 'string' && text !== '' ? `${text}\n` : text;
}

function tell(text: string): void {
	progress.end();
	process.stderr.write(`${presentable(text)}\n`);
}
