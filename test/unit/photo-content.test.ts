// Photos that can't be read: errors say what they are and what to do, not what a decoder says.
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Arc2FaceError } from '../../lib/errors.ts';
import type { Photo } from '../../lib/photo/forms.ts';
import { checkPhoto, readPhoto } from '../../lib/photo.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-photo-'));
});
afterAll(() => rm(folder, { recursive: true }));

const latin1 = (text: string) => Buffer.from(text, 'latin1');
/** A file with this start, followed by meaningless bytes. */
const begun = (start: Buffer | string) =>
	Buffer.concat([typeof start === 'string' ? latin1(start) : start, Buffer.alloc(5000, 0x5a)]);
const box = (brands: string) => `${String.fromCharCode(0, 0, 0, 8 + brands.length)}ftyp${brands}`;

/** A TIFF directory: its first image, marked by tags as another's thumbnail. */
function tiff(tags: Record<number, number>): Buffer {
	const entries = Object.entries(tags).map(([tag, value]) => {
		const entry = Buffer.alloc(12);
		entry.writeUInt16LE(Number(tag), 0);
		entry.writeUInt16LE(4, 2);
		entry.writeUInt32LE(1, 4);
		entry.writeUInt32LE(value, 8);
		return entry;
	});
	const count = Buffer.alloc(2);
	count.writeUInt16LE(entries.length);
	return Buffer.concat([latin1('II*\0\x08\0\0\0'), count, ...entries, Buffer.alloc(4)]);
}

const image = () => sharp({ create: { width: 40, height: 30, channels: 3, background: 'teal' } });
const failureOf = async (work: Promise<unknown>): Promise<Arc2FaceError> =>
	await work.then(
		() => expect.unreachable('it was read'),
		(error) => error,
	);

const kinds: readonly [string, Buffer, what: string, remedy: string][] = [
	['HEIC', begun(box('heic\0\0\0\0mif1heic')), 'a HEIC photo', 'heif-convert'],
	['HEIC of a burst', begun(box('hevc\0\0\0\0msf1hevc')), 'a HEIC photo', 'heif-convert'],
	['HEIF that names its codec second', begun(box('mif1\0\0\0\0mif1heic')), 'a HEIC photo', 'heif-convert'],
	['HEIF of another codec', begun(box('mif1\0\0\0\0miaf')), 'a HEIF photo', 'heif-convert'],
	['Canon CR2', begun('II*\0\x10\0\0\0CR\x02\0'), 'a raw photo of a camera', 'darktable'],
	['Canon CR3', begun(box('crx \0\0\0\x01crx isom')), 'a raw photo of a Canon camera', 'darktable'],
	['NEF or ARW', begun(tiff({ 254: 1, 330: 200 })), 'a raw photo of a camera', 'darktable'],
	['DNG', begun(tiff({ 50706: 0x0401 })), 'a raw photo of a camera', 'darktable'],
	['ORF', begun('IIRO\x08\0\0\0'), 'a raw photo of an Olympus camera', 'darktable'],
	['JPEG XL', begun('\0\0\0\x0cJXL \r\n\x87\n'), 'a JPEG XL file', 'djxl'],
	['JPEG XL without a container', begun('\xff\x0a'), 'a JPEG XL file', 'djxl'],
	['JPEG 2000', begun('\0\0\0\x0cjP  \r\n\x87\n'), 'a JPEG 2000 file', 'magick'],
	['PSD', begun('8BPS\0\x01'), 'a Photoshop file', 'magick'],
	['BMP', begun('BM\x36\x10\0\0\0\0\0\0'), 'a Windows bitmap (BMP)', 'magick'],
	['PDF', begun('%PDF-1.7\n'), 'a PDF document', 'pdfimages'],
	[
		'SVG',
		latin1('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'),
		'a drawing (SVG)',
		'rsvg-convert',
	],
	['MP4', begun(box('isom\0\0\x02\0isomiso2')), 'a video (MP4)', 'ffmpeg'],
	['MOV', begun(box('qt  \0\0\0\0qt  ')), 'a video (QuickTime)', 'ffmpeg'],
	['WebM', begun('\x1aE\xdf\xa3'), 'a video (Matroska or WebM)', 'ffmpeg'],
	['ZIP', begun('PK\x03\x04'), 'a ZIP file', 'Pass a photo'],
	['gzip', begun('\x1f\x8b\x08'), 'a file compressed with gzip', 'Unpack'],
	['a login page', latin1('<!DOCTYPE html>\n<title>Sign in</title>'), 'an HTML page', 'Download the file itself'],
	['a page with a drawing', latin1('<!doctype html><body><svg/>'), 'an HTML page', 'Download the file itself'],
	[
		'a pointer of git-lfs',
		latin1('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n'),
		'a pointer file of git-lfs',
		'git lfs pull',
	],
	['an identity', latin1('{"embedding":[0.1'), 'JSON', 'Pass a photo'],
	['text', latin1('IMG_0001 is on the other card.\n'), 'the text "IMG_0001', 'Pass a photo'],
	['base64', latin1(Buffer.alloc(99, 1).toString('base64').replace(/^..../, '/9j/')), 'written as base64', 'Decode'],
	['a shortcut', begun('L\0\0\0\x01\x14\x02\0'), 'a shortcut of Windows', 'leads to'],
	['what macOS leaves on USB sticks', begun('\0\x05\x16\x07\0\x02\0\0'), 'AppleDouble', '"._"'],
	['nothing', Buffer.alloc(0), 'it is an empty file', 'download the file again'],
	['zeros', Buffer.alloc(5000), 'nothing but zeros', 'download the file again'],
	['noise', Buffer.alloc(999, 7), 'no image of a format that is known', 'Pass a JPEG'],
];

describe.each(kinds)('%s', (_, bytes, what, remedy) => {
	const says = {
		code: 'INVALID_IMAGE',
		problem: expect.stringContaining(what),
		remedy: expect.stringContaining(remedy),
	};

	test('is told by its bytes', async () => {
		expect(await failureOf(readPhoto(bytes))).toMatchObject(says);
	});

	test('is told as a file, whatever its name, before anything else is done', async () => {
		const path = join(folder, 'photo.jpg');
		await writeFile(path, bytes);
		const failure = await failureOf(checkPhoto(path));
		expect(failure).toMatchObject({ ...says, details: { photo: path } });
		expect(failure.problem).toContain(path);
		expect(failure.message).not.toMatch(/vips|heif:|buffer contains unsupported|bad seek/i);
	});
});

describe('a file that was cut short, or is damaged', () => {
	test.each(['jpeg', 'png', 'gif'] as const)('%s without its end', async (format) => {
		const bytes = await image().toFormat(format).toBuffer();
		expect(await failureOf(readPhoto(bytes.subarray(0, bytes.length - 20)))).toMatchObject({
			problem: expect.stringMatching(/it is a \w+ file whose end is missing\.$/),
			remedy: 'Copy or download it again.',
			cause: expect.any(Error),
		});
	});

	test('AVIF without its end', async () => {
		const bytes = await image().avif().toBuffer();
		expect(await failureOf(readPhoto(bytes.subarray(0, bytes.length - 20)))).toMatchObject({
			problem: expect.stringContaining('it is an AVIF file that is damaged'),
		});
	});

	test('JPEG with a hole, whose end is there', async () => {
		const bytes = await image().jpeg().toBuffer();
		bytes.fill(0xff, 2, 200);
		expect(await failureOf(readPhoto(bytes))).toMatchObject({
			problem: expect.stringContaining('it is a JPEG file that is damaged'),
		});
	});
});

test.each(['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const)('%s is read', async (format) => {
	const bytes = await image().toFormat(format).toBuffer();
	expect(await readPhoto(bytes)).toMatchObject({ width: 40, height: 30 });
});

test('AVIF that names its codec second is read', async () => {
	const bytes = await image().avif().toBuffer();
	expect(bytes.subarray(8, 12).toString()).toBe('avif');
	bytes.write('mif1', 8);
	expect(await readPhoto(bytes)).toMatchObject({ width: 40, height: 30 });
});

test('more pixels than any camera takes', async () => {
	const png = await image().png().toBuffer();
	png.writeUInt32BE(20_000, 16);
	png.writeUInt32BE(20_000, 20);
	png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
	const failure = await failureOf(checkPhoto(png));
	expect(failure.problem).toContain('it has 400 million pixels, more than 200 million pixels');
	expect(failure.remedy).toBe('Make it smaller.');
});

describe('a path that leads to no file', () => {
	const at = (name: string) => join(folder, name);
	test.each<[string, () => Promise<string>, what: string, systemCode: string | undefined]>([
		['a missing file', async () => at('nobody.jpg'), 'there is no such file', 'ENOENT'],
		['a folder', async () => folder, 'it is a folder', undefined],
		[
			'a folder that is a file',
			() => saved('a.jpg').then((file) => join(file, 'b.jpg')),
			'is a file, not a',
			'ENOTDIR',
		],
		['a link to nothing', () => linked('gone.jpg', at('gone')), 'a link to a file that is gone', 'ENOENT'],
		['a link to itself', () => linked('loop.jpg', at('loop.jpg')), 'a link that leads back to itself', 'ELOOP'],
		['a name too long for any file', async () => at('x'.repeat(300)), 'longer than a file can have', 'ENAMETOOLONG'],
		['a device', async () => '/dev/null', 'it is a device', undefined],
	])('%s', async (_, path, what, systemCode) => {
		const failure = await failureOf(readPhoto(await path()));
		expect(failure).toMatchObject({ code: 'INVALID_IMAGE', problem: expect.stringContaining(what) });
		expect(failure.remedy).toMatch(/\w+\.$/);
		expect(failure.details.systemCode).toBe(systemCode);
	});

	test('a file that one may not read', async () => {
		const path = await saved('secret.jpg');
		await chmod(path, 0);
		const failure = await asNobody(() => failureOf(readPhoto(path)));
		expect(failure).toMatchObject({
			problem: expect.stringMatching(/: you may not read it\.$/),
			remedy: expect.stringContaining('chmod u+r'),
			details: { photo: path, systemCode: 'EACCES' },
		});
	});

	test('a pipe is read to its end', async () => {
		const path = at('pipe');
		execFileSync('mkfifo', [path]);
		const bytes = await image().jpeg().toBuffer();
		const [pixels] = await Promise.all([readPhoto(path), writeFile(path, bytes)]);
		expect(pixels).toMatchObject({ width: 40, height: 30 });
	});

	async function saved(name: string): Promise<string> {
		await image().jpeg().toFile(at(name));
		return at(name);
	}

	async function linked(name: string, target: string): Promise<string> {
		await symlink(target, at(name));
		return at(name);
	}
});

test('a message does not repeat an input of any length', async () => {
	for (const photo of [
		`data:image/jpeg;base64,${'A'.repeat(500_000)}`,
		'x'.repeat(500_000),
		`/${'y/'.repeat(90_000)}z`,
	]) {
		expect((await failureOf(readPhoto(photo))).message.length).toBeLessThan(600);
	}
});

test.each(['https://example.org/anna.jpg', 'data:image/png;base64,iVBORw0KGgo='])('%s is no file', async (photo) => {
	expect(await failureOf(readPhoto(photo))).toMatchObject({
		code: 'INVALID_IMAGE',
		problem: `Can't read the photo ${photo}: it is an address, not a file.`,
		remedy: expect.stringContaining('arrayBuffer()'),
		details: { photo },
	});
});

test.each<[string, unknown, remedy: string]>([
	['an address of the web', new URL('https://example.org/anna.jpg'), 'arrayBuffer()'],
	['a stream of Node', Readable.from([]), 'Collect it first'],
	['a stream of the web', new Blob([]).stream(), 'Collect it first'],
	['what fetch gives', new Response(''), 'await response.arrayBuffer()'],
	['what was not awaited', Promise.resolve('anna.jpg'), 'Await it first.'],
])('%s is refused with how to get its bytes', async (_, photo, remedy) => {
	expect(await failureOf(readPhoto(photo as Photo))).toMatchObject({
		code: 'INVALID_ARGUMENT',
		remedy: expect.stringContaining(remedy),
		details: { option: 'photo' },
	});
});

/** Whether tests run as root, who can read any file. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
	if (process.getuid?.() !== 0) return await work();
	process.seteuid!(65_534);
	try {
		return await work();
	} finally {
		process.seteuid!(0);
	}
}
