// The marks of files as other programs read them: exiftool and c2pa-python (test/README.md says with what).
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Identity } from '../../lib/identity.ts';
import { GeneratedImage } from '../../lib/image.ts';
import { packageVersion } from '../../lib/package.ts';
import { sourceTypes } from '../../lib/provenance/source-type.ts';
import { newSigner, type TestSigner } from '../certificates.ts';

const run = promisify(execFile);
const python = process.env.ARC2FACE_TEST_PYTHON;
const hasExiftool = spawnSync('exiftool', ['-ver']).status === 0;
for (const [isThere, reason] of [
	[python !== undefined, 'ARC2FACE_TEST_PYTHON names no Python with c2pa-python (test/README.md)'],
	[hasExiftool, 'there is no exiftool (test/README.md)'],
] as const) {
	if (isThere) continue;
	if (process.env.CI !== undefined) throw new Error(reason);
	console.warn(`Left out: ${reason}.`);
}

const size = { width: 96, height: 80 };
const pixels = Uint8Array.from({ length: size.width * size.height * 3 }, (_, i) => (i * 7 + (i >> 6)) % 256);
const formats = ['png', 'jpg', 'webp', 'avif'] as const;
const identity = Identity.from(Array.from({ length: 512 }, (_, i) => Math.sin(i)));
const made = `arc2face-native ${packageVersion()}`;

let folder: string;
let signer: TestSigner;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-readers-'));
	signer = await newSigner();
	await writeFile(at('anchors.pem'), signer.issuer);
	const origin = { inputs: ['image', 'mask', 'reference'] as const, identity };
	const identityHash = { salt: 'a salt that nobody knows' };
	const image = new GeneratedImage(pixels, size, 1, 0, { provenance: { signer, identityHash }, origin });
	for (const format of formats) {
		await image.toFile(at(`own.${format}`));
		await image.toFile(at(`bare.${format}`), { provenance: false });
		await sharp(at(`own.${format}`)).toFile(at(`again.${format}`));
		await writeFile(at(`altered.${format}`), altered(await readFile(at(`own.${format}`)), format));
	}
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A bit of the image's own bytes: WebP has them in front, the others at the end. */
function altered(file: Buffer, format: string): Buffer {
	file[format === 'webp' ? 300 : file.length - 300]! ^= 1;
	return file;
}

type Tags = Readonly<Record<string, unknown>>;
async function exiftool(name: string): Promise<Tags> {
	const { stdout } = await run('exiftool', ['-json', '-G0:1', '-a', at(name)]);
	return JSON.parse(stdout)[0];
}

describe.skipIf(!hasExiftool)('exiftool', () => {
	test.each(formats)('reads in %s where the image comes from, and what made it', async (format) => {
		expect(await exiftool(`own.${format}`)).toMatchObject({
			'XMP:XMP-iptcExt:DigitalSourceType': sourceTypes.edited,
			'XMP:XMP-xmp:CreatorTool': made,
		});
	});

	test.each(['png', 'jpg'] as const)('reads the manifest in %s, too', async (format) => {
		const tags = await exiftool(`own.${format}`);
		expect(tags).toMatchObject({ 'JUMBF:CBOR:ActionsAction': 'c2pa.created', 'JUMBF:CBOR:Relationship': 'inputTo' });
	});

	test.each(formats)('finds nothing in %s that was written without marks, or saved anew', async (format) => {
		for (const name of [`bare.${format}`, `again.${format}`]) {
			const groups = Object.keys(await exiftool(name)).map((tag) => tag.split(':')[0]);
			expect(groups).toContain('File');
			expect(groups.filter((group) => ['XMP', 'JUMBF', 'CBOR'].includes(group!))).toEqual([]);
		}
	});
});

describe.skipIf(python === undefined)('c2pa-python', () => {
	const read = async (prefix: string) => {
		const script = fileURLToPath(new URL('../formats/read_c2pa.py', import.meta.url));
		const files = formats.map((format) => at(`${prefix}.${format}`));
		const { stdout } = await run(python!, [script, at('anchors.pem'), ...files], { maxBuffer: 1 << 24 });
		const lines = stdout.trimEnd().split('\n');
		expect(lines).toHaveLength(formats.length);
		return lines.map((line) => JSON.parse(line));
	};

	test('trusts the signer of each format, and reads what was made, by what and from what', async () => {
		for (const { state, faults, manifest } of await read('own')) {
			expect({ state, faults }).toEqual({ state: 'Trusted', faults: [] });
			expect(manifest.signature_info).toMatchObject({ common_name: 'Anna', alg: 'Es256' });
			expect(manifest.claim_generator_info[0]).toMatchObject({ name: 'arc2face-native', version: packageVersion() });
			const { actions } = manifest.assertions.find(({ label }: { label: string }) => label === 'c2pa.actions.v2').data;
			expect(actions).toHaveLength(1);
			expect(actions[0]).toMatchObject({ action: 'c2pa.created', digitalSourceType: sourceTypes.edited });
			const ingredients = ['image', 'mask', 'reference'].map((title) => ({ title, relationship: 'inputTo' }));
			expect(manifest.ingredients).toMatchObject(ingredients);
			expect(JSON.stringify(manifest)).not.toMatch(/thumbnail|embedding|own\./);
		}
	});

	test('finds that a file was altered', async () => {
		for (const { file, state, faults } of await read('altered')) {
			expect({ file, state }).toEqual({ file, state: 'Invalid' });
			expect(faults).toEqual([expect.stringMatching(/^assertion\.(data|bmff)Hash\.mismatch$/)]);
		}
	});

	test.each(['bare', 'again'])(
		'finds no manifest in what was written without marks, or saved anew: %s',
		async (prefix) => {
			for (const { error } of await read(prefix)) expect(error).toMatch(/ManifestNotFound|no JUMBF/i);
		},
	);
});
