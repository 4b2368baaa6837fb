// The program's two channels: results on stdout, everything else on stderr.
import { fstatSync, writeSync } from 'node:fs';
import { Arc2FaceError } from '../errors.ts';

/** Whether a channel accepts cursor movements and colours. */
export function isLively(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv = process.env): boolean {
	// https://no-color.org; CI logs keep every state of a bar.
	return stream.isTTY === true && env.TERM !== 'dumb' && !env.NO_COLOR && !env.CI;
}

/** How wide text may be: what COLUMNS says, or the terminal's width, else 80. */
export function columnsOf(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv = process.env): number {
	const asked = Number(env.COLUMNS);
	if (Number.isInteger(asked) && asked > 0) return asked;
	return (stream.isTTY && stream.columns) || 80;
}

/** A reader that has left does not end the work: `print` learns it from its own write, and notes are lost. */
export function outliveReaders(): void {
	for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/**
 * Writes results to stdout. A reader that has left, such as `head`, has what it wanted.
 *
 * @throws {Arc2FaceError} `FILE_FAILED` when they could not be written, such as to a full disk
 */
export async function print(data: string | Uint8Array): Promise<void> {
	if (data.length === 0) return;
	try {
		const found = fstatSync(1);
		if (found.isFIFO() || found.isSocket() || process.stdout.isTTY) await write(data);
		else writeAll(Buffer.from(data));
	} catch (cause) {
		const { code, message } = cause as NodeJS.ErrnoException;
		if (code === 'EPIPE') return;
		throw new Arc2FaceError('FILE_FAILED', `Could not write the result to stdout: ${message}.`, {
			remedy: code === 'ENOSPC' || code === 'EDQUOT' ? 'Free some space, or write it elsewhere.' : undefined,
			details: { systemCode: code },
			cause,
		});
	}
}

function write(data: string | Uint8Array): Promise<void> {
	return new Promise((done, failed) => {
		process.stdout.write(data, (error) => (error ? failed(error) : done()));
	});
}

/** Node's own stream treats a write that the disk took only half of as complete. */
function writeAll(bytes: Buffer): void {
	for (let written = 0; written < bytes.length; ) written += writeSync(1, bytes, written);
}
