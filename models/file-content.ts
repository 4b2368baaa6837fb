// Tells what is there instead of a file that a bundle needs: by its first bytes, or by why it can't be opened.
import { lstat, readlink } from 'node:fs/promises';

/** What it is, completing "but received an HTML page", and what to do about it if known. */
export type Found = Readonly<{ what: string; remedy?: string }>;

/** Bytes from a file's start that {@link contentOf} looks at. */
export const startBytes = 512;

/**
 * What an unexpected file is.
 *
 * @param start - its first {@link startBytes} bytes, or all it has
 * @returns undefined for unknown bytes
 */
export function contentOf(start: Uint8Array): Found | undefined {
	if (start.length === 0) return { what: 'an empty file', remedy: again };
	if (start.every((byte) => byte === 0)) return { what: 'nothing but zeros at its start', remedy: again };
	const latin1 = Buffer.from(start).toString('latin1');
	if (isLegacyTorch(latin1)) return { what: "PyTorch's format from before 1.6", remedy: resave };
	if (isSafetensors(start)) return { what: 'a .safetensors file' };
	if (latin1.slice(257, 262) === 'ustar') return { what: 'a tar archive', remedy: unpack };
	return signatures.find(([signature]) => latin1.startsWith(signature))?.[1] ?? textOf(start);
}

const again = 'Copy or download the file again.';
const download = 'Download the file itself: this one is what a server sent in its place.';
const unpack = 'Unpack it.';
const resave = 'In Python, save it again: `torch.save(torch.load(file, weights_only=True), file)`.';

const gitLfs = {
	what: 'a pointer file of git-lfs',
	remedy: 'Run `git lfs pull` in the clone that it is from, or download the file itself.',
};
const compressed = { what: 'a compressed file', remedy: unpack };

/** Each character stands for a byte. */
const signatures: readonly (readonly [string, Found])[] = [
	['version https://git-lfs', gitLfs],
	['version https://hawser', gitLfs],
	['PK\x03\x04', { what: 'a ZIP file' }],
	['PK\x05\x06', { what: 'an empty ZIP file', remedy: again }],
	['\x1f\x8b', { what: 'a file compressed with gzip', remedy: unpack }],
	['\x28\xb5\x2f\xfd', compressed],
	['\xfd7zXZ', compressed],
	['7z\xbc\xaf', compressed],
	['BZh', compressed],
	['Rar!', compressed],
	['\x80\x02', { what: 'a pickle of Python that torch.save did not write' }],
	['\x80\x03', { what: 'a pickle of Python that torch.save did not write' }],
	['\x80\x04', { what: 'a pickle of Python that torch.save did not write' }],
	['\x80\x05', { what: 'a pickle of Python that torch.save did not write' }],
	['\x89HDF', { what: 'an HDF5 file, as TensorFlow writes it' }],
	['GGUF', { what: 'a GGUF file' }],
];

/** The pickle of a number that it begins with: https://github.com/pytorch/pytorch/blob/v1.5.0/torch/serialization.py#L27 */
const legacyNumber = '\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19';
/** Before that, a tar archive that begins with one of these. */
const legacyEntries = ['sys_info', 'pickle', 'tensors', 'storages'];

function isLegacyTorch(latin1: string): boolean {
	if (latin1.startsWith('\x80') && latin1.slice(0, 40).includes(legacyNumber)) return true;
	return latin1.slice(257, 262) === 'ustar' && legacyEntries.some((entry) => latin1.startsWith(`${entry}\0`));
}

/** The header's length, far below 2³², and its JSON. */
function isSafetensors(start: Uint8Array): boolean {
	return start[8] === '{'.charCodeAt(0) && start.subarray(4, 8).every((byte) => byte === 0);
}

/** Web pages, and an excerpt of other text: what tools leave in place of a file mostly explains itself. */
function textOf(start: Uint8Array): Found | undefined {
	let text: string;
	try {
		// As a stream, because the last character may be cut off. A byte order mark is dropped.
		text = new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: true }).trim();
	} catch {
		return undefined;
	}
	if (text === '' || !/^[\t\n\r\u{20}-\u{10ffff}]+$/u.test(text)) return undefined;
	if (/^<(!doctype html|html|head|body)\b/i.test(text)) return { what: 'an HTML page', remedy: download };
	if (/^<(\?xml|Error>)/.test(text)) return { what: 'an XML document', remedy: download };
	if (/^[{[]/.test(text)) return { what: 'JSON' };
	const line = text.split(/\r?\n/)[0]!;
	return { what: `the text ${JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line)}` };
}

/** Why a path could not be opened or read as a file. */
export async function obstacleAt(path: string, cause: NodeJS.ErrnoException): Promise<Found> {
	const code = cause.code ?? cause.message;
	if (code === 'ENOENT' || code === 'ELOOP') {
		const link = await lstat(path).then(
			(found) => found.isSymbolicLink(),
			() => false,
		);
		if (!link) return { what: 'none: there is no such file' };
		const target = await readlink(path).catch(() => '?');
		return {
			what: `a link to a file that is gone, ${target}`,
			remedy: 'Download the file again, or put the file itself in the place of the link.',
		};
	}
	if (code === 'EISDIR') return { what: 'a folder' };
	if (code === 'EACCES' || code === 'EPERM') {
		return { what: `one that you may not read (${code})`, remedy: 'Give yourself the permission to read it.' };
	}
	return { what: `an error (${code})` };
}
