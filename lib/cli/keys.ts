// The file of a server's API keys, on the command line.
import { type OptionValues, UsageError } from './command.ts';

export const keysOptions = {
	keys: { type: 'path', value: 'FILE', help: 'the file of API keys, as serve --keys has it' },
} as const;

/** @throws {UsageError} without one */
export function keysFile({ keys }: OptionValues<typeof keysOptions>, command: string): string {
	if (keys === undefined) throw new UsageError(`Expected a file for --keys of ${command} but received none.`);
	return keys;
}
