// The certificate that signs where the user has none: made once for each user, so that changes of files show. It proves nothing of who made them.
import { createPrivateKey, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../files/cache-folder.ts';
import { onDisk } from '../files/on-disk.ts';
import { requirePrivateFolder } from '../files/private-folder.ts';
import { writeWhole } from '../files/write.ts';
import type { Signer } from '../options/provenance.ts';
import { certificatesIn, signWith } from './signer.ts';

/** What its subject says, by which `verify` knows it. */
export const developmentName = 'arc2face-native development certificate (proves nothing about who)';

const algorithm = 'es256';
const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const;
/** A file can be checked as long as its certificate is valid, unless a service stamped its time, which none does here. */
const validYears = 20;
/** It is made anew when it is valid for less. */
const leastYears = 1;

/** By the folder of the cache. */
const known = new Map<string, Promise<Signer>>();

/**
 * The user's development certificate, made where there is none. Where it can't be kept, such as in a container whose disk can only be
 * read, or where others may have put it there, this process has one of its own.
 */
export function developmentSigner(cacheDir: string | undefined): Promise<Signer> {
	const folder = cacheFolder('certificates', cacheDir);
	const signer = known.get(folder) ?? keptSigner(folder).catch(newSigner);
	known.set(folder, signer);
	return signer;
}

/** @throws {Arc2FaceError} `FILE_FAILED` */
async function keptSigner(folder: string): Promise<Signer> {
	await requirePrivateFolder(folder);
	const own = join(folder, 'development');
	return (await read(own)) ?? (await make(folder, own));
}

/** @returns undefined where there is none that can be used */
async function read(folder: string): Promise<Signer | undefined> {
	try {
		const certificates = await readFile(join(folder, 'certificates.pem'), 'utf8');
		const key = createPrivateKey(await readFile(join(folder, 'key.pem'), 'utf8'));
		const [certificate] = certificatesIn(certificates);
		const isFresh = new Date(certificate.validTo) > inYears(leastYears);
		return isFresh && certificate.checkPrivateKey(key) ? signerOf(certificates, key) : undefined;
	} catch {
		return undefined; // it is made anew
	}
}

/** Of several processes that make one at once, the first decides. */
async function make(folder: string, own: string): Promise<Signer> {
	const { certificates, key } = await newCertificates();
	const temporary = join(folder, `.${randomBytes(6).toString('hex')}.tmp`);
	return await onDisk('write', own, async () => {
		try {
			await mkdir(temporary, { mode: 0o700 });
			await writeWhole(join(temporary, 'certificates.pem'), certificates);
			await writeWhole(join(temporary, 'key.pem'), key.export({ format: 'pem', type: 'pkcs8' }), 0o600);
			await rename(temporary, own).catch(async (error: NodeJS.ErrnoException) => {
				if ((await read(own)) !== undefined) return;
				if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST' && error.code !== 'EPERM') throw error;
				await rm(own, { recursive: true, force: true });
				await rename(temporary, own);
			});
			return (await read(own)) ?? signerOf(certificates, key);
		} finally {
			await rm(temporary, { recursive: true, force: true }).catch(() => {}); // the first failure matters
		}
	});
}

async function newSigner(): Promise<Signer> {
	const { certificates, key } = await newCertificates();
	return signerOf(certificates, key);
}

function signerOf(certificates: string, key: KeyObject): Signer {
	return { algorithm, certificates, sign: signWith(algorithm, key) };
}

/** One for signing, and that of an issuer, which C2PA demands, and whose key nobody keeps. */
async function newCertificates(): Promise<{ certificates: string; key: KeyObject }> {
	const { certificateFor } = await import('./certificate.ts'); // only now: its library takes a while
	const newKeys = () => webcrypto.subtle.generateKey(curve, true, ['sign', 'verify']);
	const [issuing, signing] = [await newKeys(), await newKeys()];
	const issuer = { name: 'arc2face-native development issuer', keys: issuing };
	const time = { from: new Date(Date.now() - 60_000), to: inYears(validYears) };
	const certificates = [
		await certificateFor({ name: developmentName, key: signing.publicKey, issuer, time, isIssuer: false }),
		await certificateFor({ name: issuer.name, key: issuing.publicKey, issuer, time, isIssuer: true }),
	].join('');
	const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', signing.privateKey));
	return { certificates, key: createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }) };
}

function inYears(years: number): Date {
	const date = new Date();
	date.setUTCFullYear(date.getUTCFullYear() + years);
	return date;
}
