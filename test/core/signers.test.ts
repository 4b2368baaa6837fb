// Signers: every algorithm, key files and callbacks, and what is wrong with either.
import { sign as cryptoSign, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GeneratedImage } from '../../lib/image.ts';
import { type SignatureAlgorithm, type Signer, signatureAlgorithms } from '../../lib/options/provenance.ts';
import { signerFromFiles } from '../../lib/provenance/signer.ts';
import { verifyImage } from '../../lib/provenance/verify.ts';
import { newSigner, type TestSigner } from '../certificates.ts';

let folder: string;
let signer: TestSigner;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-signers-'));
	signer = await newSigner();
});
afterAll(() => rm(folder, { recursive: true }));

const image = new GeneratedImage(new Uint8Array(3 * 40 * 40).fill(99), { width: 40, height: 40 }, 1, 0);
const signedBy = (one: Signer) => image.toBuffer('png', { provenance: { signer: one } });
const failure = async (work: Promise<unknown>) => {
	const error = await work.then(
		() => undefined,
		(thrown: unknown) => thrown,
	);
	return error as Error & { code: string; remedy?: string; details: object };
};

describe('a key of the user signs', () => {
	test('for every algorithm there is a case', () => {
		expect(signatureAlgorithms).toHaveLength(7);
	});

	test.each(signatureAlgorithms)('with %s, and who trusts its issuer trusts the file', async (algorithm) => {
		const own = await newSigner(algorithm);
		const found = await verifyImage(await signedBy(own), { trust: own.issuer });
		expect(found.finding).toBe('signed');
		expect(found.c2pa?.signer).toMatchObject({ name: 'Anna', algorithm, isDevelopment: false, isTrusted: true });
	});

	test.each(['es256', 'es384', 'es512'] as const)('with %s also where a service answers in DER', async (algorithm) => {
		const { key, ...own } = await newSigner(algorithm);
		const hash = `sha${algorithm.slice(2)}`;
		// Numbers with zeros in front are shorter in DER: several signatures.
		for (let i = 0; i < 8; i++) {
			const service = { ...own, sign: async (bytes: Uint8Array) => cryptoSign(hash, bytes, key) };
			expect((await verifyImage(await signedBy(service), { trust: own.issuer })).finding).toBe('signed');
		}
	});

	test('and the file has its certificate, but not that of the root, which readers have', async () => {
		const file = await signedBy(signer);
		const der = (pem: string) => Buffer.from(new X509Certificate(pem).raw);
		expect([file.includes(der(signer.own)), file.includes(der(signer.issuer))]).toEqual([true, false]);
	});

	test('that is a method, called as one', async () => {
		class Vault implements Signer {
			readonly algorithm: SignatureAlgorithm = 'es256';
			readonly certificates = signer.certificates;
			#calls = 0;
			async sign(bytes: Uint8Array) {
				this.#calls++;
				return await signer.sign(bytes);
			}
			get calls() {
				return this.#calls;
			}
		}
		const vault = new Vault();
		await signedBy(vault);
		await signedBy(vault);
		expect(vault.calls).toBe(2);
	});
});

describe('signerFromFiles', () => {
	const write = async (name: string, text: string | Buffer) => {
		const file = join(folder, name);
		await writeFile(file, text);
		return file;
	};
	const pem = (one: TestSigner, options = {}) => one.key.export({ format: 'pem', type: 'pkcs8', ...options }) as string;

	test.each(['es256', 'ps256', 'ed25519'] as const)('knows the algorithm of a key: %s', async (algorithm) => {
		const own = await newSigner(algorithm);
		const certificates = await write(`${algorithm}.pem`, own.certificates);
		const privateKey = pathToFileURL(await write(`${algorithm}.key`, pem(own)));
		const read = await signerFromFiles({ certificates, privateKey });
		expect(read.algorithm).toBe(algorithm);
		expect((await verifyImage(await signedBy(read), { trust: own.issuer })).finding).toBe('signed');
	});

	test('decrypts a key', async () => {
		const certificates = await write('own.pem', signer.certificates);
		const encrypted = pem(signer, { cipher: 'aes-256-cbc', passphrase: 'open sesame' });
		const privateKey = await write('encrypted.key', encrypted);
		const read = await signerFromFiles({ certificates, privateKey, passphrase: 'open sesame' });
		expect((await verifyImage(await signedBy(read))).finding).toBe('signed');
		for (const [passphrase, why] of [
			[undefined, 'there is no passphrase'],
			['close sesame', 'the passphrase is another'],
		] as const) {
			const error = await failure(signerFromFiles({ certificates, privateKey, passphrase }));
			expect(error).toMatchObject({ code: 'SIGNING_FAILED', details: { file: privateKey } });
			expect(error.message).toContain(why);
			expect(JSON.stringify([error, error.cause])).not.toContain('close sesame');
		}
	});

	test('refuses what is not there, is none, or does not fit together', async () => {
		const certificates = await write('anna.pem', signer.certificates);
		const privateKey = await write('anna.key', pem(signer));
		const other = await write('other.key', pem(await newSigner()));
		const garbage = await write('garbage.pem', Buffer.alloc(500, 7));
		const broken = await write('broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
		const missing = join(folder, 'missing.pem');
		const upsideDown = await write('upside-down.pem', signer.issuer + signer.own);
		const cases: [object, string, string][] = [
			[{ certificates: missing, privateKey }, 'FILE_FAILED', missing],
			[{ certificates, privateKey: missing }, 'FILE_FAILED', missing],
			[{ certificates: garbage, privateKey }, 'SIGNING_FAILED', garbage],
			[{ certificates: broken, privateKey }, 'SIGNING_FAILED', broken],
			[{ certificates, privateKey: garbage }, 'SIGNING_FAILED', garbage],
			[{ certificates, privateKey: other }, 'SIGNING_FAILED', 'not that of the first certificate'],
			[{ certificates: upsideDown, privateKey }, 'SIGNING_FAILED', 'not that of the first certificate'],
			[{ certificates }, 'INVALID_ARGUMENT', '`privateKey`'],
			[{ certificates, privateKey, password: 'x' }, 'INVALID_ARGUMENT', '`password`'],
		];
		for (const [files, code, text] of cases) {
			const error = await failure(signerFromFiles(files as never));
			expect({ code: error.code, text: error.message.includes(text) ? text : error.message }).toEqual({ code, text });
		}
	});
});

describe('a signer that does not do fails with a reason, and no file is made', () => {
	test.each([
		['certificates that are none', () => ({ certificates: 'hello' }), 'Expected certificates in PEM'],
		['a certificate of another kind of key', () => ({ algorithm: 'ps256' as const }), 'a key for P-256'],
		['another hash than the curve has', () => ({ algorithm: 'es384' as const }), 'a key for P-256'],
		['an error', () => ({ sign: () => Promise.reject(new Error('no slot in the module')) }), 'no slot in the module'],
		[
			'an error at once',
			() => ({
				sign: () => {
					throw new Error('locked');
				},
			}),
			'The signer failed: locked',
		],
		['no signature', () => ({ sign: () => undefined as never }), 'Expected the signer to return a Uint8Array'],
		['an empty signature', () => ({ sign: () => new Uint8Array() }), 'is not one of es256'],
		['noise', () => ({ sign: () => new Uint8Array(64).fill(7) }), 'is not one of es256'],
		[
			'noise in place of DER',
			() => ({ sign: () => Uint8Array.of(0x30, 6, 2, 200, 1, 2, 1, 1) }),
			'is not one of es256',
		],
	])('%s', async (_, change, text) => {
		const error = await failure(signedBy({ ...signer, ...change() }));
		expect(error).toMatchObject({ name: 'Arc2FaceError', code: 'SIGNING_FAILED' });
		expect(error.message).toContain(text);
	});

	test('the key of another certificate', async () => {
		const other = await newSigner();
		const error = await failure(signedBy({ ...signer, sign: other.sign }));
		expect(error).toMatchObject({ code: 'SIGNING_FAILED' });
		expect(error.message).toContain('not one of es256 by the key of its certificate');
	});

	test.each([
		['has ended', [-2, -1] as [number, number], 'ended on', 'Renew it.'],
		['has not begun', [1, 2] as [number, number], 'begins on', 'Check the clock of this machine.'],
	])('a certificate whose time %s', async (_, years, text, remedy) => {
		const error = await failure(signedBy(await newSigner('es256', { years })));
		expect(error).toMatchObject({ code: 'SIGNING_FAILED', remedy });
		expect(error.message).toContain(text);
	});

	test('a certificate for issuing others, which readers of C2PA refuse', async () => {
		const error = await failure(signedBy(await newSigner('es256', { isAuthority: true })));
		expect(error).toMatchObject({ code: 'SIGNING_FAILED' });
		expect(error.message).toContain('signingCredential.invalid');
	});

	test('and the next signer signs', async () => {
		await failure(signedBy({ ...signer, sign: () => new Uint8Array() }));
		expect((await verifyImage(await signedBy(signer))).finding).toBe('signed');
	});
});
