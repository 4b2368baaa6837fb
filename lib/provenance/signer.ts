// Signers: one of key files, the checks of any, and signing with it.
import {
	constants,
	createPrivateKey,
	sign as cryptoSign,
	type KeyObject,
	verify,
	type X509Certificate,
} from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { Arc2FaceError, problemOf } from '../errors.ts';
import { onDisk } from '../files/on-disk.ts';
import type { Sentence } from '../messages/wording.ts';
import { isUint8Array } from '../options/brands.ts';
import { certificatesInPem } from '../options/certificates.ts';
import { check, describe, rules } from '../options/check.ts';
import { pathOf, pathRule } from '../options/path.ts';
import type { SignatureAlgorithm, Signer } from '../options/provenance.ts';
import { protectedHeader, sign1, toBeSigned } from './cose.ts';

/** Where a signer's key and certificates are. */
export interface SignerFiles {
	/** Path or `file:` URL of the certificates in PEM: that of the key, then those of its issuers. */
	certificates: string | URL;
	/** Path or `file:` URL of the private key in PEM. */
	privateKey: string | URL;
	/** Of an encrypted key. */
	passphrase?: string | undefined;
}

/** A signer whose certificates have been read. */
export type ReadySigner = Readonly<{
	algorithm: SignatureAlgorithm;
	/** Of the whole COSE structure. */
	bytes: number;
	/** The COSE structure for a claim. @throws {Arc2FaceError} `SIGNING_FAILED` */
	sign(claim: Uint8Array): Promise<Uint8Array>;
}>;

/**
 * A signer with a key and certificates in files, for `provenance: { signer }`.
 *
 * @param files - where they are
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`; `FILE_FAILED` when one can't be read; `SIGNING_FAILED` when one holds something else, or the
 *   key is not that of the certificate
 */
export async function signerFromFiles(files: SignerFiles): Promise<Signer> {
	check('signerFromFiles', files, { certificates: pathRule, privateKey: pathRule, passphrase: rules.text });
	const read = async (name: 'certificates' | 'privateKey') => {
		const file = resolve(pathOf(files[name], name)); // tells also which of them is missing
		return { file, text: await onDisk('read', file, () => readFile(file, 'utf8')) };
	};
	const [certificates, privateKey] = [await read('certificates'), await read('privateKey')];
	const [own] = certificatesIn(certificates.text, certificates.file);
	const key = keyIn(privateKey, files.passphrase);
	if (!own.checkPrivateKey(key)) {
		throw failed(`The key in ${privateKey.file} is not that of the first certificate in ${certificates.file}.`, {
			file: privateKey.file,
			remedy: 'Put the certificate of the key first, then those of its issuers.',
		});
	}
	const algorithm = algorithmOf(key);
	if (algorithm === undefined) {
		const problem = `Expected a key for ECDSA (P-256, P-384 or P-521), RSA or Ed25519 in ${privateKey.file}.`;
		throw failed(problem, { file: privateKey.file });
	}
	return { algorithm, certificates: certificates.text, sign: signWith(algorithm, key) };
}

/** In Node's own threads. */
export function signWith(algorithm: SignatureAlgorithm, key: KeyObject): (bytes: Uint8Array) => Promise<Uint8Array> {
	const { hash, padding } = ways[algorithm];
	const sign = promisify<string | null, Uint8Array, object, Buffer>(cryptoSign as never);
	return (bytes) => sign(hash, bytes, { key, ...padding, dsaEncoding: 'ieee-p1363' });
}

/** @throws {Arc2FaceError} `SIGNING_FAILED` for certificates that are none, or for another algorithm */
export function readySigner(signer: Signer): ReadySigner {
	const { algorithm } = signer;
	const chain = certificatesIn(signer.certificates);
	const [own] = chain;
	if (kindOf(own.publicKey) !== ways[algorithm].kind) {
		const kind = kindOf(own.publicKey) ?? 'of another kind';
		throw failed(`Expected a certificate for ${algorithm} but received one with a key for ${kind}.`, {
			remedy: 'Put the certificate of the key first, then those of its issuers.',
		});
	}
	// Whoever trusts a root has it: C2PA leaves it out.
	const sent = chain.filter((one, i) => i === 0 || one.subject !== one.issuer).map(({ raw }) => new Uint8Array(raw));
	const header = protectedHeader(algorithm, sent);
	const signatureBytes = signatureBytesOf(own.publicKey);
	return {
		algorithm,
		bytes: sign1(header, new Uint8Array(signatureBytes)).length,
		sign: async (claim) => {
			requireValidNow(own);
			const bytes = toBeSigned(header, claim);
			return sign1(header, checked(await signatureOf(signer, bytes), bytes, algorithm, own));
		},
	};
}

async function signatureOf(signer: Signer, bytes: Uint8Array): Promise<Uint8Array> {
	let signature: Uint8Array;
	try {
		signature = await signer.sign(bytes.slice());
	} catch (cause) {
		throw failed(`The signer failed: ${problemOf(cause)}`, { cause });
	}
	if (isUint8Array(signature)) return signature;
	throw failed(`Expected the signer to return a Uint8Array but received ${describe(signature)}.`);
}

/** @returns the signature as COSE has it: of ECDSA r and s one after the other */
function checked(signature: Uint8Array, bytes: Uint8Array, algorithm: SignatureAlgorithm, own: X509Certificate) {
	const key = own.publicKey;
	const { hash, padding } = ways[algorithm];
	const length = signatureBytesOf(key);
	const isRaw = signature.length === length;
	const plain = isRaw || key.asymmetricKeyType !== 'ec' ? signature : fromDer(signature, length / 2);
	if (plain?.length === length && verify(hash, bytes, { key, ...padding, dsaEncoding: 'ieee-p1363' }, plain)) {
		return plain;
	}
	throw failed(`The signer's signature is not one of ${algorithm} by the key of its certificate (${nameOf(own)}).`, {
		remedy: 'Put the certificate of the key first, and check what the key signs with.',
	});
}

/** r and s of an ECDSA signature, each as long as the curve's numbers; undefined for what is none. */
function fromDer(signature: Uint8Array, side: number): Uint8Array | undefined {
	const bytes = Buffer.from(signature);
	const plain = Buffer.alloc(2 * side);
	// SEQUENCE, whose length takes a second byte from 128 on.
	let at = bytes[1] === 0x81 ? 3 : 2;
	for (const end of [side, 2 * side]) {
		const length = bytes[at + 1] ?? 0;
		const number = bytes.subarray(at + 2, at + 2 + length);
		const digits = number.subarray(number.findIndex((byte) => byte !== 0));
		if (bytes[at] !== 0x02 || number.length !== length || digits.length > side) return undefined;
		digits.copy(plain, end - digits.length);
		at += 2 + length;
	}
	return plain;
}

function requireValidNow(own: X509Certificate): void {
	const [from, to] = [new Date(own.validFrom), new Date(own.validTo)];
	const now = new Date();
	if (now >= from && now <= to) return;
	const when = now < from ? `begins on ${from.toISOString()}` : `ended on ${to.toISOString()}`;
	throw failed(`The signer's certificate (${nameOf(own)}) is not valid now: its time ${when}.`, {
		remedy: now < from ? 'Check the clock of this machine.' : 'Renew it.',
	});
}

/** @throws {Arc2FaceError} `SIGNING_FAILED` */
export function certificatesIn(pem: string, file?: string): [X509Certificate, ...X509Certificate[]] {
	try {
		const [own, ...issuers] = certificatesInPem(pem);
		if (own !== undefined) return [own, ...issuers];
	} catch (cause) {
		throw noCertificates(file, cause);
	}
	throw noCertificates(file);
}

function noCertificates(file: string | undefined, cause?: unknown): Arc2FaceError {
	return failed(`Expected certificates in PEM ${file === undefined ? 'of the signer' : `in ${file}`}.`, {
		...(file !== undefined && { file }),
		...(cause !== undefined && { cause }),
		remedy:
			'Each begins with the line -----BEGIN CERTIFICATE-----; `openssl x509 -inform der -in FILE` makes one of DER.',
	});
}

function keyIn({ text, file }: { text: string; file: string }, passphrase: string | undefined): KeyObject {
	try {
		return createPrivateKey({ key: text, ...(passphrase !== undefined && { passphrase }) });
	} catch (cause) {
		const isEncrypted = text.includes('ENCRYPTED');
		const problem = isEncrypted
			? `The private key in ${file} is encrypted, and ${passphrase === undefined ? 'there is no passphrase' : 'the passphrase is another'}.`
			: `Expected a private key in PEM in ${file}.`;
		// The cause may tell of the key: it is left out.
		const remedy: Sentence | undefined = isEncrypted
			? ({ either }) => either('Pass its `passphrase`.', 'Decrypt it: `openssl pkey -in FILE -out OTHER`.')
			: undefined;
		throw failed(problem, { file, remedy, cause: isEncrypted ? undefined : cause });
	}
}

/** What a kind of key signs with: its first algorithm is the usual one. */
const ways: Readonly<Record<SignatureAlgorithm, { kind: string; hash: string | null; padding?: object }>> = {
	es256: { kind: 'P-256', hash: 'sha256' },
	es384: { kind: 'P-384', hash: 'sha384' },
	es512: { kind: 'P-521', hash: 'sha512' },
	ps256: { kind: 'RSA', hash: 'sha256', padding: pss(32) },
	ps384: { kind: 'RSA', hash: 'sha384', padding: pss(48) },
	ps512: { kind: 'RSA', hash: 'sha512', padding: pss(64) },
	ed25519: { kind: 'Ed25519', hash: null },
};

function pss(saltLength: number) {
	return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
}

function algorithmOf(key: KeyObject): SignatureAlgorithm | undefined {
	const algorithms = Object.keys(ways) as SignatureAlgorithm[];
	return algorithms.find((name) => ways[name].kind === kindOf(key));
}

function kindOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string | undefined {
	if (type === 'rsa' || type === 'rsa-pss') return 'RSA';
	if (type === 'ed25519') return 'Ed25519';
	const curves: Record<string, string> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };
	return curves[details?.namedCurve ?? ''];
}

/** Of a key of a known kind. */
function signatureBytesOf(key: KeyObject): number {
	const sides: Record<string, number> = { 'P-256': 64, 'P-384': 96, 'P-521': 132, Ed25519: 64 };
	return sides[kindOf(key)!] ?? key.asymmetricKeyDetails!.modulusLength! / 8;
}

/** Who it is of, in a line. */
function nameOf({ subject }: X509Certificate): string {
	return subject.replaceAll('\n', ', ');
}

function failed(
	problem: string,
	{ remedy, file, cause }: { remedy?: Sentence | undefined; file?: string; cause?: unknown } = {},
): Arc2FaceError {
	const details = file === undefined ? {} : { file };
	return new Arc2FaceError('SIGNING_FAILED', problem, { remedy, details, cause });
}
