import { type Command, commonOptions, type OptionSpec } from './command.ts';

/** The help of the program. */
export function programHelp(commands: readonly Command[]): string {
	const width = Math.max(...commands.map(({ name }) => name.length));
	return [
		'Usage: arc2face <command> [options]',
		'',
		'New photographs of the same person.',
		'',
		'Commands:',
		...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
		'',
		'  arc2face <command> --help   options and an example',
		'  arc2face --version          version of this package',
		'',
		'Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no face found, 130 interrupted.',
	].join('\n');
}

/** The help of one command. */
export function commandHelp({ summary, usage, options, example }: Command): string {
	const lines = Object.entries<OptionSpec>({ ...options, ...commonOptions }).map(([name, spec]) => ({
		left: spec.type === 'boolean' ? `--${name}` : `--${name} ${spec.value}`,
		right: spec.help,
	}));
	const width = Math.max(...lines.map(({ left }) => left.length));
	return [
		`Usage: ${usage}`,
		'',
		`${summary}.`,
		'',
		'Options:',
		...lines.map(({ left, right }) => `  ${left.padEnd(width)}  ${right}`),
		'',
		'Example:',
		`  ${example}`,
	].join('\n');
}
