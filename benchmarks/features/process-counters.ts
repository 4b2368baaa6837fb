// What Linux counts of this process: memory, and what it wrote.
import { readFile, writeFile } from 'node:fs/promises';

/** The most memory that was in use at once since {@link restartPeak}, in bytes, with what is mapped of files. */
export async function peakBytes(): Promise<number> {
	return 1024 * (await counter('/proc/self/status', /^VmHWM:\s+(\d+) kB$/m));
}

/** Of that which no file has, what is in use. */
export async function anonymousBytes(): Promise<number> {
	return 1024 * (await counter('/proc/self/status', /^RssAnon:\s+(\d+) kB$/m));
}

export async function restartPeak(): Promise<void> {
	await writeFile('/proc/self/clear_refs', '5');
}

/** Bytes that were written so far by calls, to whatever; and by calls or through maps, to disks. */
export async function writtenBytes(): Promise<{ byCalls: number; toDisks: number }> {
	const [byCalls, toDisks] = await Promise.all([
		counter('/proc/self/io', /^wchar: (\d+)$/m),
		counter('/proc/self/io', /^write_bytes: (\d+)$/m),
	]);
	return { byCalls, toDisks };
}

async function counter(file: string, pattern: RegExp): Promise<number> {
	const [, digits] = pattern.exec(await readFile(file, 'utf8')) ?? [];
	if (digits === undefined) throw new Error(`${file} does not count ${pattern}`);
	return Number(digits);
}
