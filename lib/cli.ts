// The program: its channels, its signals and its exit code.
import { isLively, outliveReaders, print } from './cli/channels.ts';
import type { Command, Context, ParsedArguments } from './cli/command.ts';
import { exitCodeOf, exitCodes } from './cli/exit-codes.ts';
import { explain, presentable } from './cli/message.ts';
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

async function main(args: string[]): Promise<number> {
	let exitCode: number = exitCodes.done;
	let chosen = 'arc2face';
	let help = '';
	let ending: { error: unknown } | undefined;
	const context: Context = {
		signal: interruption.signal,
		note: tell,
		report: (error) => tell(explain(error, chosen)),
		endEarly: (error) => {
			ending = { error };
		},
		progress: (label, state) => progress.show(presentable(label), state),
	};
	const run = async (command: Command, input: ParsedArguments) => {
		const outcome = await command.run(input, context);
		progress.end();
		exitCode = outcome.exitCode;
		const { text } = outcome;
		if (input.values.json) await print(`${JSON.stringify(outcome.value, undefined, '\t')}\n`);
		else if (text.length > 0) await print(typeof text === 'string' ? `${text}\n` : text);
		if (ending !== undefined) throw ending.error;
	};
	try {
		const isFine = await runCommandLine(args, commands, {
			...{ version: packageVersion(), run },
			onChoice: (name) => {
				chosen = name;
			},
			writeOut: (text) => {
				help += text;
			},
			writeError: (text) => process.stderr.write(presentable(text)),
		});
		if (help !== '') await print(help);
		return isFine ? exitCode : exitCodes.wrongUsage;
	} catch (error) {
		if (!interruption.signal.aborted) context.report(error);
		else tell('Interrupted.');
		return interruption.signal.aborted ? exitCodes.interrupted : exitCodeOf(error);
	}
}

function tell(text: string): void {
	progress.end();
	process.stderr.write(`${presentable(text)}\n`);
}
