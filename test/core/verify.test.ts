// What `verifyImage` and `arc2face verify` find in files: whole, changed, saved anew, hostile.
import { getEventListeners } from 'node:events';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { GeneratedImage } from '../../lib/image.ts';
import { packageRoot } from '../../lib/package.ts';
import { signFile } from '../../lib/provenance/c2pa.ts';
import { identityLabel, signed } from '../../lib/provenance/manifest.ts';
import { readySigner } from '../../lib/provenance/signer.ts';
import { sourceTypes } from '../../lib/provenance/source-type.ts';
import type { Verification } from '../../lib/provenance/verification.ts';
import { verifyImage } from '../../lib/provenance/verify.ts';
import { xmpOf } from '../../lib/provenance/xmp.ts';
import { newSigner, type TestSigner } from '../certificates.ts';
import { runLine } from '../command-line.ts';
import { mutations, seeded } from '../mutated-bytes.ts';

const size = { width: 64, height: 48 };
const pixels = Uint8Array.from({ length: size.width * size.height * 3 }, (_, i) => (i * 7 + (i >> 6)) % 256);
const formats = ['png', 'jpeg', 'webp', 'avif'] as const;
type Format = (typeof formats)[number];

let folder: string;
let signer: TestSigner;
const files = {} as Record<Format, Buffer>;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-verify-'));
	signer = await newSigner();
	const image = new GeneratedImage(pixels, size, 1, 0);
	for (const format of formats) files[format] = await image.toBuffer(format, { provenance: { signer } });
});
afterAll(() => rm(folder, { recursive: true }));

/** A changed byte of the image, where its decoder notices nothing: in PNG that is a chunk of text before the end. */
function tampered(format: Format): Buffer {
	const bytes = Buffer.from(files[format]);
	if (format === 'png') {
		const end = bytes.length - 12;
		const text = withChecksum(Buffer.from('tEXtAuthor\0Bob'));
		return Buffer.concat([bytes.subarray(0, end), text, bytes.subarray(end)]);
	}
	// WebP has the image in the front, the others at the end.
	bytes[format === 'webp' ? 300 : bytes.length - 300]! ^= 1;
	return bytes;
}

function withChecksum(typeAndData: Buffer): Buffer {
	const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
	length.writeUInt32BE(typeAndData.length - 4);
	checksum.writeUInt32BE(crc32(typeAndData));
	return Buffer.concat([length, typeAndData, checksum]);
}

describe('a signed file', () => {
	test.each(formats)('%s: is known by a path, a URL, bytes and a Blob', async (format) => {
		const path = join(folder, `own.${format}`);
		await writeFile(path, files[format]);
		const bytes = files[format];
		for (const one of [
			path,
			pathToFileURL(path),
			new Uint8Array(bytes),
			new Uint8Array(bytes).buffer,
			new Blob([bytes]),
		]) {
			expect(await verifyImage(one)).toMatchObject({ finding: 'signed', madeHere: true, c2pa: { state: 'intact' } });
		}
	});

	test('counts by the issuer that is trusted, and by nobody else', async () => {
		const other = await newSigner();
		const findings = async (trust: string) => {
			const { finding, c2pa } = await verifyImage(files.png, { trust });
			return [finding, c2pa?.state, c2pa?.signer?.isTrusted];
		};
		expect(await findings(signer.issuer)).toEqual(['signed', 'intact', true]);
		expect(await findings(other.issuer + signer.issuer)).toEqual(['signed', 'intact', true]);
		expect(await findings(other.issuer)).toEqual(['marked', 'intact', false]);
		expect((await verifyImage(files.png)).c2pa?.signer).not.toHaveProperty('isTrusted');
	});

	test.each(formats)('%s: with a byte changed is altered, whoever is trusted', async (format) => {
		const changed = tampered(format);
		const found = await verifyImage(changed, { trust: signer.issuer });
		expect(found).toMatchObject({ finding: 'altered', c2pa: { state: 'altered' } });
		expect(found.c2pa?.faults).toEqual([expect.stringMatching(/^assertion\.(data|bmff)Hash\.mismatch$/)]);
		expect(found.c2pa?.meaning).toContain('changed after it was signed');
	});

	test('whose pixels were changed so that none can be decoded is altered', async () => {
		const changed = Buffer.from(files.png);
		changed[changed.length - 300]! ^= 1;
		await expect(sharp(changed).raw().toBuffer()).rejects.toThrow();
		expect(await verifyImage(changed)).toMatchObject({ finding: 'altered' });
	});

	test('of which the manifest was changed is altered', async () => {
		const changed = Buffer.from(files.jpeg);
		const at = changed.indexOf('trainedAlgorithmicMedia');
		expect(at).toBeGreaterThan(0);
		changed.write('digitalCapture', at);
		const { finding, c2pa } = await verifyImage(changed);
		expect(finding).toBe('altered');
		expect(c2pa?.faults).toContain('assertion.hashedURI.mismatch');
	});

	test('whose manifest is cut out of another has not its own', async () => {
		const other = new GeneratedImage(
			pixels.map((one) => 255 - one),
			size,
			1,
			0,
		);
		const [own, unmarked] = [files.jpeg, await other.toBuffer('jpeg', { provenance: false })];
		// In a JPEG it is a segment of its own, right after the beginning.
		const length = own.readUInt16BE(4);
		const pasted = Buffer.concat([unmarked.subarray(0, 2), own.subarray(2, 4 + length), unmarked.subarray(2)]);
		expect((await verifyImage(pasted)).finding).toBe('altered');
	});
});

describe('a manifest that somebody else signed', () => {
	const camera = sourceTypes.generated.replace(/[^/]+$/, 'digitalCapture');
	/** A camera's, with one assertion more, which c2pa-rs lists before its own. */
	async function signedWith(label: string, data: unknown): Promise<Buffer> {
		const { algorithm, bytes: signatureBytes, sign } = readySigner(signer);
		const bytes = await sharp(pixels, { raw: { ...size, channels: 3 } })
			.png()
			.toBuffer();
		const own = { actions: [{ action: 'c2pa.created', digitalSourceType: camera }] };
		const assertions = [
			{ label, data, created: true },
			{ label: 'c2pa.actions.v2', data: own, created: true },
		];
		const manifest = JSON.stringify({ claim_generator_info: [{ name: 'a camera' }], assertions });
		const settings = JSON.stringify({ verify: { verify_after_sign: false } });
		const request = { format: 'image/png', bytes, manifest, settings, algorithm, signatureBytes };
		return Buffer.from(await signFile(request, sign));
	}

	test.each([
		['no action', { actions: [null] }],
		['no list of actions', { actions: 5 }],
		['a number for a source', { actions: [{ digitalSourceType: 7 }] }],
		['a source that is not its own to tell', { actions: [{ digitalSourceType: sourceTypes.generated }] }],
	])('says what its actions say, though an assertion of another label has %s', async (_, data) => {
		const { c2pa, ...found } = await verifyImage(await signedWith('com.example.other', data));
		expect(found).toEqual({ finding: 'none', generated: false, madeHere: false });
		expect(c2pa).toMatchObject({ state: 'intact', sourceType: camera });
	});

	test('names no identity by what is no text', async () => {
		const { c2pa } = await verifyImage(await signedWith(identityLabel, { hash: { a: 1 } }));
		expect(c2pa).toMatchObject({ state: 'intact', sourceType: camera });
		expect(c2pa).not.toHaveProperty('identityHash');
	});
});

describe('a file whose manifest can not be read', () => {
	test('in time is refused, and says nothing of those beside it', async () => {
		const setTimer = vi.spyOn(globalThis, 'setTimeout');
		// Time is up before the thread can answer.
		setTimer.mockImplementationOnce((act) => queueMicrotask(act) as never);
		const answers = await Promise.allSettled(formats.map((format) => verifyImage(files[format])));
		setTimer.mockRestore();
		const refused = answers.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
		expect(refused).toMatchObject([{ code: 'INVALID_IMAGE', cause: { name: 'C2paLoss' } }]);
		expect(refused[0].message).toContain('c2pa-rs took longer than 60 seconds');
		const others = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value.finding] : []));
		expect(others).toEqual(['signed', 'signed', 'signed']);
	});

	test('because it has over 256 MB is refused', async () => {
		const large = join(folder, 'large.png');
		await writeFile(large, files.png);
		await truncate(large, 256_000_001);
		await expect(verifyImage(large)).rejects.toMatchObject({ code: 'INVALID_IMAGE', details: { photo: large } });
		await expect(verifyImage(large)).rejects.toThrow('over 256 MB');
	});
});

describe('a file that was saved anew', () => {
	test.each(formats)('%s: has no metadata left', async (format) => {
		const found = await verifyImage(await sharp(files[format]).toFormat(format).toBuffer());
		expect(found).not.toHaveProperty('c2pa');
		expect(found).not.toHaveProperty('xmp');
	});

	test('with its XMP is marked, and nobody shows that it is unchanged', async () => {
		const found = await verifyImage(await sharp(files.png).keepXmp().jpeg().toBuffer());
		expect(found).toMatchObject({ finding: 'marked', generated: true, madeHere: true });
		expect(found).not.toHaveProperty('c2pa');
	});
});

describe('other files', () => {
	test('a photo has no marks', async () => {
		const photo = join(packageRoot, 'test/fixtures/astronaut.png');
		expect(await verifyImage(photo)).toEqual({ finding: 'none', generated: false, madeHere: false });
	});

	test.each(['gif', 'tiff'] as const)('%s is read for its XMP', async (format) => {
		const image = sharp(pixels, { raw: { ...size, channels: 3 } }).withXmp(xmpOf(sourceTypes.edited));
		const found = await verifyImage(await image.toFormat(format).toBuffer());
		expect(found.finding).toBe(format === 'gif' ? 'none' : 'marked'); // sharp writes no XMP into GIF
	});

	test('are read for XMP of up to 64 KB', async () => {
		const own = xmpOf(sourceTypes.generated);
		const found = (xmp: string) =>
			sharp(pixels, { raw: { ...size, channels: 3 } })
				.withXmp(xmp)
				.png()
				.toBuffer()
				.then((file) => verifyImage(file));
		expect(await found(own.padEnd(65_536))).toMatchObject({ finding: 'marked' });
		expect(await found(own.padEnd(65_537))).not.toHaveProperty('xmp');
	});

	test('that are wider than watermarks can be are read for the other marks', async () => {
		const wide = sharp({ create: { width: 32_768, height: 4, channels: 3, background: 'grey' } });
		const file = await wide.withXmp(xmpOf(sourceTypes.generated)).png().toBuffer();
		const found = await verifyImage(file);
		expect(found).toMatchObject({ finding: 'marked', xmp: { sourceType: sourceTypes.generated } });
		expect(found).not.toHaveProperty('watermark');
	});

	test('are not read further when the signal aborts', async () => {
		const reason = new Error('enough');
		await expect(verifyImage(files.png, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
		const controller = new AbortController();
		const { signal } = controller;
		const reading = verifyImage(files.png, { signal });
		controller.abort(reason);
		await expect(reading).rejects.toBe(reason);
		expect(getEventListeners(signal, 'abort')).toEqual([]);
		await expect(verifyImage(files.png, { signal: 7 as never })).rejects.toThrow('an AbortSignal');
	});

	test('of another generator are marked, but not made here', async () => {
		const xmp = xmpOf(sourceTypes.generated).replace(/CreatorTool="[^"]*"/, 'CreatorTool="arc2face-nativeX 1"');
		const image = sharp(pixels, { raw: { ...size, channels: 3 } }).withXmp(xmp);
		expect(await verifyImage(await image.png().toBuffer())).toMatchObject({
			...{ finding: 'marked', generated: true, madeHere: false },
		});
	});

	test.each([
		['a missing file', '/no/such/file.png', 'INVALID_IMAGE', 'there is no such file'],
		['what is no image', Buffer.from('hello'), 'INVALID_IMAGE', 'only JPEG, PNG, WebP'],
		['nothing', Buffer.alloc(0), 'INVALID_IMAGE', ''],
		['pixels', { data: pixels, ...size, channels: 3 as const }, 'INVALID_ARGUMENT', 'Pixels have no metadata'],
		[
			'a sharp instance',
			sharp(pixels, { raw: { ...size, channels: 3 } }),
			'INVALID_ARGUMENT',
			'Pixels have no metadata',
		],
		['a number', 7 as never, 'INVALID_ARGUMENT', '`photo`'],
	])('%s: fails with a reason', async (_, photo, code, text) => {
		const error = await verifyImage(photo).then(
			() => undefined,
			(thrown: Error & { code: string }) => thrown,
		);
		expect(error).toMatchObject({ name: 'Arc2FaceError', code });
		expect(error?.message).toContain(text);
	});

	test('what is trusted has to be certificates', async () => {
		for (const trust of ['hello', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', '', 7 as never]) {
			await expect(verifyImage(files.png, { trust })).rejects.toMatchObject({
				...{ code: 'INVALID_ARGUMENT', details: { option: 'trust' } },
			});
		}
	});

	test.each(formats)('%s: however it is damaged, there is an answer or a reason', async (format) => {
		const random = seeded(11);
		for (let i = 0; i < 20; i++) random(2);
		const names = Object.keys(mutations);
		const answers: string[] = [];
		for (let i = 0; i < 120; i++) {
			const name = names[i % names.length]!;
			const bytes = mutations[name]!(Buffer.from(files[format]), random(files[format].length), random);
			answers.push(
				await verifyImage(bytes).then(
					({ finding }) => finding,
					(error) => error.code ?? `${name}: ${error.stack}`,
				),
			);
		}
		const known = ['signed', 'altered', 'marked', 'none', 'INVALID_IMAGE'];
		expect(answers.filter((answer) => !known.includes(answer))).toEqual([]);
		expect(answers).toContain('altered');
		expect(answers).toContain('INVALID_IMAGE');
	});
});

describe('arc2face verify', () => {
	const verify = async (...args: string[]) => {
		const { outcome } = await runLine(['verify', ...args]);
		return {
			code: outcome!.exitCode,
			text: String(outcome!.text),
			findings: (outcome!.value as { results: Verification[] }).results.map(({ finding }) => finding),
		};
	};
	const save = async (name: string, bytes: Buffer) => {
		await writeFile(join(folder, name), bytes);
		return join(folder, name);
	};

	test('tells by its exit code what it found; of several files the worst', async () => {
		const signed = await save('signed.png', files.png);
		const altered = await save('altered.webp', tampered('webp'));
		const marked = await save('marked.jpg', await sharp(files.png).keepXmp().jpeg().toBuffer());
		const none = await save(
			'none.png',
			await sharp(pixels, { raw: { ...size, channels: 3 } })
				.png()
				.toBuffer(),
		);
		const trust = await save('other.pem', Buffer.from((await newSigner()).issuer));
		expect(await verify(signed)).toMatchObject({ code: 0, findings: ['signed'] });
		expect(await verify(altered)).toMatchObject({ code: 4, findings: ['altered'] });
		expect(await verify(none)).toMatchObject({ code: 5, findings: ['none'] });
		expect(await verify(marked)).toMatchObject({ code: 6, findings: ['marked'] });
		expect(await verify(signed, '--trust', trust)).toMatchObject({ code: 6, findings: ['marked'] });
		expect(await verify(signed, marked)).toMatchObject({ code: 6 });
		expect(await verify(none, signed, altered, marked)).toMatchObject({ code: 4 });
		expect(await verify(altered, join(folder, 'missing.png'))).toMatchObject({ code: 1 });
	});

	test('says who signed and what that proves', async () => {
		const { text } = await verify(await save('own.png', files.png));
		const parts = [
			'own.png: marked as generated, signed',
			'C2PA: intact',
			'signed by: Anna',
			'XMP: Everybody',
			'Watermark:',
		];
		for (const said of parts) {
			expect(text).toContain(said);
		}
	});

	test.each([
		[
			'one that nobody trusted signed',
			() => files.png,
			true,
			'and unchanged since it was signed, but by nobody who is trusted',
		],
		[
			'one without a signature',
			() => sharp(files.png).keepXmp().jpeg().toBuffer(),
			false,
			'but nobody shows that it is unchanged',
		],
		[
			'one whose manifest tells nothing of it',
			async () => {
				const xmp = sharp(pixels, { raw: { ...size, channels: 3 } }).withXmp(xmpOf(sourceTypes.generated));
				const photo = {
					sourceType: 'http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture',
					inputs: [],
					identityHash: undefined,
				};
				return Buffer.from(await signed(await xmp.png().toBuffer(), 'image/png', photo, signer));
			},
			false,
			'but not in what is signed',
		],
	])('tells in its first line what the mark of %s lacks', async (_, bytes, withTrust, lack) => {
		const image = await save('lacking.img', await bytes());
		const trust = ['--trust', await save('another.pem', Buffer.from((await newSigner()).issuer))];
		const { text } = await verify(image, ...(withTrust ? trust : []));
		expect(text.split('\n')[0]).toBe(`${image}: marked as generated, ${lack}`);
	});

	test('tells the rate of false alarms in words that can be read', async () => {
		const side = 320;
		const shades = Uint8Array.from({ length: 3 * side * side }, (_, i) => 128 + 60 * Math.sin((i % (3 * side)) / 69));
		const image = new GeneratedImage(shades, { width: side, height: side }, 1, 0, { provenance: { signer } });
		const { text } = await verify(await save('watermarked.png', await image.toBuffer('png')));
		expect(text).toMatch(/\n {4}of images without it, fewer than one in a million million looks as if it had it$/);
	});

	test('shows no control characters of a file', async () => {
		const xmp = xmpOf(sourceTypes.generated).replace(/CreatorTool="[^"]*"/, 'CreatorTool="red&#x9b;31m&#x7f;"');
		const image = sharp(pixels, { raw: { ...size, channels: 3 } }).withXmp(xmp);
		const { text } = await verify(await save('hostile.png', await image.png().toBuffer()));
		expect(text).toContain('red\\x9b31m\\x7f');
	});

	test('refuses what is no list of certificates, or is not there', async () => {
		const image = await save('image.png', files.png);
		await expect(runLine(['verify', image, '--trust', image])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
		await expect(runLine(['verify', image, '--trust', join(folder, 'no.pem')])).rejects.toMatchObject({
			...{ code: 'FILE_FAILED', details: { systemCode: 'ENOENT' } },
		});
	});
});
