// The marks of files: what is written, by default and otherwise, and that pixels in memory have none.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Identity } from '../../lib/identity.ts';
import { GeneratedImage } from '../../lib/image.ts';
import type { ImageFormat } from '../../lib/options/image-formats.ts';
import { type Provenance, resolveProvenance } from '../../lib/options/provenance.ts';
import { packageVersion } from '../../lib/package.ts';
import { developmentName } from '../../lib/provenance/development-certificate.ts';
import { sourceTypes } from '../../lib/provenance/source-type.ts';
import { verifyImage } from '../../lib/provenance/verify.ts';
import { readXmp, xmpOf } from '../../lib/provenance/xmp.ts';
import { newSigner } from '../certificates.ts';

const size = { width: 64, height: 48 };
const pixels = () => Uint8Array.from({ length: size.width * size.height * 3 }, (_, i) => (i * 7 + (i >> 6)) % 256);
type Known = ConstructorParameters<typeof GeneratedImage>[4];

let cacheDir: string;
beforeAll(async () => {
	cacheDir = await mkdtemp(join(tmpdir(), 'arc2face-marks-'));
});
afterAll(() => rm(cacheDir, { recursive: true }));

function imageOf(known: Known = {}): GeneratedImage {
	return new GeneratedImage(pixels(), size, 42, 0, { ...known, origin: { inputs: [], cacheDir, ...known?.origin } });
}

const formats: ImageFormat[] = ['png', 'jpg', 'jpeg', 'webp', 'avif'];
const made = `arc2face-native ${packageVersion()}`;

describe('a file says by default that it is generated', () => {
	test.each(formats)('as %s: by XMP, and by a manifest of a development certificate', async (format) => {
		const image = imageOf();
		const found = await verifyImage(await image.toBuffer(format));
		expect(found).toMatchObject({ finding: 'signed', generated: true, madeHere: true });
		expect(found.xmp).toMatchObject({ sourceType: sourceTypes.generated, creatorTool: made });
		expect(found.c2pa).toMatchObject({
			...{ state: 'intact', faults: [], generator: made, sourceType: sourceTypes.generated, inputs: [] },
			signer: { name: developmentName, algorithm: 'es256', isDevelopment: true },
		});
		expect(found.c2pa).not.toHaveProperty('identityHash');
		expect(image.data).toEqual(pixels()); // which has no marks
	});

	test('toFile as toBuffer', async () => {
		const file = join(cacheDir, 'portrait.webp');
		await imageOf().toFile(file);
		expect(await verifyImage(file)).toMatchObject({ finding: 'signed', madeHere: true });
	});

	test('with what it was painted from, by its role, and without a name, a picture or the identity', async () => {
		const identity = Identity.from(Array.from({ length: 512 }, (_, i) => Math.sin(i)));
		const bytes = await imageOf({ origin: { inputs: ['control', 'reference'], identity } }).toBuffer();
		expect((await verifyImage(bytes)).c2pa).toMatchObject({
			...{ inputs: ['control', 'reference'], sourceType: sourceTypes.generated },
		});
		expect(bytes.includes(Buffer.from(identity.embedding.slice(0, 4).buffer))).toBe(false);
	});

	test.each([
		['whole', ['image'] as const],
		['inside a mask', ['image', 'mask'] as const],
	])('of one that began as a photo, %s, that it was edited', async (_, inputs) => {
		const { c2pa, xmp } = await verifyImage(await imageOf({ origin: { inputs } }).toBuffer());
		expect(c2pa).toMatchObject({ inputs: [...inputs], sourceType: sourceTypes.edited });
		expect(xmp?.sourceType).toBe(sourceTypes.edited);
	});

	test('many at once, each signed', async () => {
		const files = await Promise.all(Array.from({ length: 8 }, () => imageOf().toBuffer('jpeg')));
		const found = await Promise.all(files.map((file) => verifyImage(file)));
		expect(found.map(({ finding }) => finding)).toEqual(Array(8).fill('signed'));
	});
});

describe('provenance: false', () => {
	test.each(formats)('leaves nothing in %s: the file is as sharp writes it', async (format) => {
		const bytes = await imageOf().toBuffer(format, { provenance: false });
		const plain = imageOf().sharp();
		expect(bytes).toEqual(await plain.toFormat(format === 'jpg' ? 'jpeg' : format).toBuffer());
		expect(await verifyImage(bytes)).toEqual({ finding: 'none', generated: false, madeHere: false });
	});

	test('of the model or the call counts, unless the file says otherwise', async () => {
		const finding = async (known: Known, own?: Parameters<GeneratedImage['toBuffer']>[1]) =>
			(await verifyImage(await imageOf(known).toBuffer('png', own))).finding;
		expect(await finding({ provenance: false })).toBe('none');
		expect(await finding({ provenance: false }, { provenance: {} })).toBe('signed');
		expect(await finding({ provenance: {} }, { provenance: false })).toBe('none');
	});

	test('and what places leave out, farther ones say', () => {
		const signer = { algorithm: 'es256', certificates: 'x', sign: () => new Uint8Array() } as const;
		const payload = '0123456789ab';
		expect(resolveProvenance({ signer }, { payload }, undefined)).toEqual({ signer, payload });
		expect(resolveProvenance({ signer }, { signer: undefined })).toEqual({ signer });
		expect(resolveProvenance({ signer }, false, { payload })).toEqual({ payload });
		expect(resolveProvenance()).toEqual({});
	});
});

describe('the watermark', () => {
	const side = 320;
	/** Shapes and shades, as pictures have them. */
	const large = Uint8Array.from({ length: 3 * side * side }, (_, i) => {
		const [x, y] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side)];
		return (
			128 + 60 * Math.sin(x / 23) * Math.cos(y / 31) + (Math.hypot(x - 150, y - 170) < 90 ? 40 : 0) + ((x * y) % 7)
		);
	});
	const largeImage = (provenance: Provenance = {}) =>
		new GeneratedImage(large.slice(), { width: side, height: side }, 1, 0, {
			...{ provenance, origin: { inputs: [], cacheDir } },
		});
	const payload = '0123456789ab';

	test.each(formats)('is in the pixels of %s, with the bits that were asked for', async (format) => {
		const { watermark } = await verifyImage(await largeImage({ payload }).toBuffer(format));
		expect(watermark?.payload).toBe(payload);
		expect(watermark?.falseAlarm).toBeLessThanOrEqual(1e-6);
		expect((await verifyImage(await largeImage().toBuffer(format))).watermark?.payload).toBe('000000000000');
	});

	test.each(['jpeg', 'webp', 'png'] as const)(
		'is still read in a file saved anew as %s, which has no metadata',
		async (format) => {
			const file = await largeImage({ payload }).toBuffer();
			const again = await verifyImage(await sharp(file).resize(400).toFormat(format, { quality: 75 }).toBuffer());
			expect(again).toMatchObject({ finding: 'marked', generated: true, madeHere: true, watermark: { payload } });
			expect([again.c2pa, again.xmp]).toEqual([undefined, undefined]);
		},
	);

	test('is not in memory, nor in files that are to have none, whose pixels are those in memory', async () => {
		const [image, without] = [largeImage(), largeImage({ watermark: false })];
		const marked = await sharp(await image.toBuffer())
			.raw()
			.toBuffer();
		expect(marked.equals(large)).toBe(false);
		expect(Buffer.compare(image.data, large)).toBe(0);
		const file = await without.toBuffer();
		expect((await sharp(file).raw().toBuffer()).equals(large)).toBe(true);
		const found = await verifyImage(file);
		expect(found.finding).toBe('signed');
		expect(found).not.toHaveProperty('watermark');
	});

	test('of the smallest images is no obstacle', async () => {
		for (const [width, height] of [
			[1, 1],
			[3, 200],
		] as const) {
			const tiny = new GeneratedImage(new Uint8Array(3 * width * height), { width, height }, 1, 0, {
				origin: { inputs: [], cacheDir },
			});
			expect((await verifyImage(await tiny.toBuffer())).finding).toBe('signed');
		}
	});
});

describe('the identity is named', () => {
	const identity = Identity.from(Array.from({ length: 512 }, (_, i) => Math.cos(i)));
	const hashOf = async (salt: string | Uint8Array, who = identity) => {
		const image = imageOf({ origin: { inputs: [], identity: who }, provenance: { identityHash: { salt } } });
		return (await verifyImage(await image.toBuffer())).c2pa?.identityHash;
	};

	test('only if asked for, by a hash that depends on the salt and on the identity', async () => {
		const hash = await hashOf('a salt that is long');
		expect(hash).toMatch(/^[0-9a-f]{64}$/);
		expect(await hashOf(Buffer.from('a salt that is long'))).toBe(hash);
		expect(await hashOf('another salt, as long')).not.toBe(hash);
		expect(await hashOf('a salt that is long', Identity.from(identity.embedding.map((x) => -x)))).not.toBe(hash);
	});
});

describe('the development certificate', () => {
	test('is made once, in a folder that only its user may enter', async () => {
		await Promise.all([imageOf().toBuffer(), imageOf().toBuffer()]);
		const folder = join(cacheDir, 'certificates');
		expect((await stat(folder)).mode & 0o777).toBe(0o700);
		expect(await readdir(folder)).toEqual(['development']);
		const own = join(folder, 'development');
		expect((await stat(join(own, 'key.pem'))).mode & 0o777).toBe(0o600);
		const trust = await readFile(join(own, 'certificates.pem'), 'utf8');
		const { c2pa } = await verifyImage(await imageOf().toBuffer(), { trust });
		expect(c2pa?.signer).toMatchObject({ isDevelopment: true, isTrusted: true });
	});

	test.each([
		['can not be made', async (place: string) => writeFile(place, 'a file')],
		['is open to others', async (place: string) => mkdir(place)],
	])('signs even where its folder %s: kept by the process', async (_, spoil) => {
		const own = await mkdtemp(join(cacheDir, 'spoilt-'));
		await spoil(join(own, 'certificates'));
		await chmod(join(own, 'certificates'), 0o777);
		const file = () => imageOf({ origin: { inputs: [], cacheDir: own } }).toBuffer();
		const found = await verifyImage(await file());
		expect(found.c2pa?.signer).toMatchObject({ isDevelopment: true });
		expect(await readdir(own)).toEqual(['certificates']);
	});

	test('is made anew in place of one that is damaged', async () => {
		const own = await mkdtemp(join(cacheDir, 'damaged-'));
		await mkdir(join(own, 'certificates'), { mode: 0o700 });
		await mkdir(join(own, 'certificates/development'), { mode: 0o700 });
		await writeFile(join(own, 'certificates/development/certificates.pem'), 'no certificate');
		await imageOf({ origin: { inputs: [], cacheDir: own } }).toBuffer();
		expect(await readFile(join(own, 'certificates/development/certificates.pem'), 'utf8')).toContain(
			'BEGIN CERTIFICATE',
		);
	});
});

describe('options that are none are refused, and name themselves', () => {
	test.each([
		['true', true, 'provenance'],
		['an unknown name', { water: 1 }, 'water'],
		['a payload that is too short', { payload: '0123' }, 'provenance.payload'],
		['a payload without a watermark', { payload: '0123456789ab', watermark: false }, 'provenance.payload'],
		['a salt that is too short', { identityHash: { salt: 'secret' } }, 'provenance.identityHash.salt'],
		['no salt', { identityHash: {} }, 'provenance.identityHash.salt'],
		['a signer without a key', { signer: { algorithm: 'es256', certificates: 'x' } }, 'provenance.signer.sign'],
		['an unknown algorithm', { signer: { algorithm: 'rs1' } }, 'provenance.signer.algorithm'],
	])('%s', async (_, provenance, option) => {
		const error = { name: 'Arc2FaceError', code: 'INVALID_ARGUMENT', details: { option } };
		await expect(imageOf().toBuffer('png', { provenance: provenance as never })).rejects.toMatchObject(error);
	});

	test('a salt is not repeated', async () => {
		const asked = imageOf().toBuffer('png', { provenance: { identityHash: { salt: 'topsecret' } } });
		await expect(asked).rejects.toThrow(/^(?!.*topsecret)/s);
		await expect(asked).rejects.toThrow('at least 16');
	});
});

describe('XMP', () => {
	test('is the same for the same image', async () => {
		const xmp = async () => (await sharp(await imageOf().toBuffer()).metadata()).xmpAsString;
		expect(await xmp()).toBe(xmpOf(sourceTypes.generated));
		expect(await xmp()).toBe(await xmp());
	});

	const wrapped = (inside: string) =>
		'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">' +
		`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">${inside}</rdf:RDF></x:xmpmeta><?xpacket end="w"?>`;
	const ns = 'xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"';

	const said = `<rdf:Description ${ns} e:DigitalSourceType="a"/>`;

	test.each([
		['an element', `<rdf:Description ${ns}><e:DigitalSourceType> a </e:DigitalSourceType></rdf:Description>`],
		['a resource', `<rdf:Description ${ns}><e:DigitalSourceType rdf:resource="a"/></rdf:Description>`],
		['an attribute', `<rdf:Description ${ns} e:DigitalSourceType="a"/>`],
		['a second description', `<rdf:Description/><rdf:Description ${ns} e:DigitalSourceType="a"/>`],
	])('of other programs is read as %s', (_, inside) => {
		expect(readXmp(wrapped(inside))).toEqual({ sourceType: 'a', creatorTool: undefined });
	});

	test.each([
		['nothing', ''],
		['no XML', 'hello <there'],
		['an entity of its own', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;&b;</a>'],
		['what lies deeper than it may', wrapped(`<rdf:Description><a>${said}</a></rdf:Description>`)],
		['outside of RDF', `<a xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">${said}</a>`],
		['a cut one', xmpOf(sourceTypes.generated).slice(0, 200)],
	])('that is %s says nothing', (_, packet) => {
		expect(readXmp(packet)?.sourceType).toBeUndefined();
	});
});

describe('a signer of the user', () => {
	test('of the file comes before that of the model', async () => {
		const [own, model] = [await newSigner(), await newSigner()];
		const bytes = await imageOf({ provenance: { signer: model } }).toBuffer('png', { provenance: { signer: own } });
		expect((await verifyImage(bytes, { trust: own.issuer })).finding).toBe('signed');
		expect((await verifyImage(bytes, { trust: model.issuer })).finding).toBe('marked');
	});
});
