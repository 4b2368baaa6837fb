// Marks of what models paint: by the library and by the program, as users have them.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Arc2Face, type LoadOptions, type Provenance, verifyImage } from '../../lib/index.ts';
import { sourceTypes } from '../../lib/provenance/source-type.ts';
import { newSigner, type TestSigner } from '../certificates.ts';
import { useProgram } from '../program.ts';

const embedding = Array.from({ length: 512 }, (_, i) => Math.sin(i + 1) / 16);
const photo = join(import.meta.dirname, '../fixtures/faces/person-06-0.jpg');

let cacheDir: string;
let signer: TestSigner;
beforeAll(async () => {
	cacheDir = await mkdtemp(join(tmpdir(), 'arc2face-marks-'));
	signer = await newSigner();
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

describe('a model', () => {
	const paint = async (options: LoadOptions, call: object = {}) => {
		await using model = await Arc2Face.load({ bundle: 'tiny', device: 'cpu', cacheDir, ...options });
		const [image] = await model.generate(embedding, { steps: 1, seed: 1, ...call });
		return image;
	};
	const findingOf = async (load: Provenance | undefined, call?: Provenance) => {
		const image = await paint({ provenance: load }, { provenance: call });
		return (await verifyImage(await image.toBuffer('webp'), { trust: signer.issuer })).finding;
	};

	test('marks files as its options say, unless the call does, also after it was given back', async () => {
		expect(await findingOf(undefined)).toBe('marked'); // signed by the development certificate, which is not trusted here
		expect(await findingOf({ signer })).toBe('signed');
		expect(await findingOf({ signer }, { watermark: false })).toBe('signed');
		expect(await findingOf({ signer }, false)).toBe('none');
		expect(await findingOf(false, { signer })).toBe('signed');
		expect(await findingOf(false)).toBe('none');
	});

	test('paints the same with marks and without, and its recipes say nothing of them', async () => {
		const [marked, bare] = [await paint({ provenance: { signer } }), await paint({ provenance: false })];
		expect(Buffer.compare(marked.data, bare.data)).toBe(0);
		await marked.toBuffer();
		expect(Buffer.compare(marked.data, bare.data)).toBe(0);
		expect(await marked.recipe()).toEqual(await bare.recipe());
		expect(JSON.stringify(await marked.recipe())).not.toMatch(/provenance|signer/);
	});

	test('tells what went into an image', async () => {
		const inside = { width: 96, height: 96 };
		const white = { data: new Uint8Array(96 * 96).fill(255), ...inside, channels: 1 } as const;
		const edited = await paint(
			{ edit: true, control: true, reference: true },
			{ image: photo, mask: white, ...inside },
		);
		expect((await verifyImage(await edited.toBuffer())).c2pa).toMatchObject({
			...{ inputs: ['image', 'mask'], sourceType: sourceTypes.edited },
		});
		const steered = await paint({ control: true, reference: true }, { control: { pose: {} }, reference: { photo } });
		expect((await verifyImage(await steered.toBuffer())).c2pa).toMatchObject({
			...{ inputs: ['reference'], sourceType: sourceTypes.generated },
		});
	});

	test('names the identity by the hash that is asked for', async () => {
		const identityHash = { salt: 'a salt that nobody knows' };
		const hash = async (options: LoadOptions, call: object) =>
			(await verifyImage(await (await paint(options, call)).toBuffer())).c2pa?.identityHash;
		const named = await hash({ provenance: { identityHash } }, {});
		expect(named).toMatch(/^[0-9a-f]{64}$/);
		expect(await hash({}, { provenance: { identityHash } })).toBe(named);
		expect(await hash({}, {})).toBeUndefined();
	});

	test.each([
		['load', { provenance: { payload: 'xyz' } }, {}],
		['generate', {}, { provenance: { payload: 'xyz' } }],
	])('refuses in %s what is no option, before any work', async (_, load, call) => {
		const error = { code: 'INVALID_ARGUMENT', details: { option: 'provenance.payload' } };
		await expect(paint(load, call)).rejects.toMatchObject(error);
	});
});

describe('arc2face generate', () => {
	const { current, run, shell } = useProgram();
	const inFolder = (name: string) => join(current.folder, name);
	beforeEach(async () => {
		await writeFile(inFolder('anna.json'), JSON.stringify({ embedding }));
		await writeFile(inFolder('own.pem'), signer.certificates);
		await writeFile(inFolder('own.key'), signer.key.export({ format: 'pem', type: 'pkcs8' }));
		await writeFile(inFolder('issuer.pem'), signer.issuer);
	});
	const model = ['--bundle', 'tiny', '--device', 'cpu', '--steps', '1', '--seed', '1'];
	const generate = (...args: string[]) =>
		run('generate', '--identity', 'anna.json', ...model, '--cache-dir', 'cache', ...args);

	test('marks files by default, and verify finds it', async () => {
		expect(await generate('--out', 'a.jpg')).toMatchObject({ code: 0 });
		const { code, stdout } = await run('verify', 'a.jpg', '--json');
		expect(code).toBe(0);
		const { results } = JSON.parse(stdout);
		expect(results).toMatchObject([{ source: 'a.jpg', finding: 'signed', madeHere: true }]);
		expect(results[0].c2pa.signer.isDevelopment).toBe(true);
		expect(await readFile(inFolder('cache/certificates/development/certificates.pem'), 'utf8')).toContain('BEGIN');
	});

	test('marks nothing with --no-provenance', async () => {
		expect(await generate('--out', 'a.png', '--no-provenance')).toMatchObject({ code: 0 });
		const { code, stdout } = await run('verify', 'a.png');
		expect([code, stdout]).toEqual([5, expect.stringContaining('a.png: not marked as generated')]);
	});

	test('signs with a certificate of the user, and verify knows its issuer', async () => {
		const own = ['--sign-certificates', 'own.pem', '--sign-key', 'own.key'];
		expect(await generate('--out', 'a.png', ...own)).toMatchObject({ code: 0 });
		expect(await run('verify', 'a.png', '--trust', 'issuer.pem')).toMatchObject({ code: 0 });
		await writeFile(inFolder('other.pem'), (await newSigner()).issuer);
		const { code, stdout } = await run('verify', 'a.png', '--trust', 'other.pem');
		expect([code, stdout]).toEqual([6, expect.stringContaining('none of those that are trusted')]);
		expect(stdout.split('\n')[0]).toContain('unchanged since it was signed, but by nobody who is trusted');
	});

	test('marks what goes to stdout, and verify reads it there', async () => {
		const pipe = `$arc2face generate --identity anna.json ${model.join(' ')} --cache-dir cache --out - --format webp | $arc2face verify -`;
		const { code, stdout } = await shell(`set -o pipefail; ${pipe}`);
		expect([code, stdout]).toEqual([0, expect.stringContaining('stdin: marked as generated, signed')]);
	});

	test.each([
		[['--sign-key', 'own.key'], 2, 'Expected --sign-certificates with --sign-key'],
		[['--sign-certificates', 'own.pem'], 2, 'Expected --sign-key with --sign-certificates'],
		[['--no-provenance', '--watermark-payload', '0123456789ab'], 2, '--no-provenance or --watermark-payload'],
		[['--watermark-payload', '0123'], 2, 'Expected 12 hexadecimal digits for --watermark-payload'],
		[['--sign-certificates', 'anna.json', '--sign-key', 'own.key'], 1, 'Expected certificates in PEM in'],
		[['--sign-certificates', 'issuer.pem', '--sign-key', 'own.key'], 1, 'is not that of the first certificate'],
		[['--sign-certificates', 'no.pem', '--sign-key', 'own.key'], 1, 'there is no such file'],
	])('refuses %j before any work', async (args, code, text) => {
		expect(await generate('--out', 'a.png', ...args)).toMatchObject({ code, stderr: expect.stringContaining(text) });
		await expect(readFile(inFolder('a.png'))).rejects.toMatchObject({ code: 'ENOENT' });
	});

	test('shows previews that say by XMP what they are', async () => {
		// A preview is there until its portrait is: it is caught on its way.
		const line =
			'$arc2face generate --identity anna.json --bundle tiny --device cpu --steps 200 --seed 1 --out a.png --preview 1 & ' +
			'for i in $(seq 500); do cp a.preview.png seen.png 2> /dev/null && break; sleep 0.02; done; wait';
		expect(await shell(line)).toMatchObject({ code: 0 });
		const { xmpAsString } = await sharp(inFolder('seen.png')).metadata();
		expect(xmpAsString).toContain(sourceTypes.generated);
	});
});
