// The option `provenance`: the marks that say of a file that its image was generated.
import { isUint8Array } from './brands.ts';
import { check, describe, invalid, oneOf, type Rule, rules } from './check.ts';

/** Signs the manifests of files: with a key at hand, or one that a service or a security module keeps. */
export interface Signer {
	/** What the key signs with. */
	algorithm: SignatureAlgorithm;
	/**
	 * In PEM: that of the key, then those of its issuers, each issued by the next one. That of the key has to be made for signing
	 * documents, e-mail or C2PA claims.
	 */
	certificates: string;
	/**
	 * Called once for each file; again if another file ended the thread that it is signed in.
	 *
	 * @param bytes - a kilobyte or so, to be hashed as the algorithm says and signed
	 * @returns the signature; of an ECDSA key in DER, or r and s one after the other
	 */
	sign(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** ECDSA on P-256, P-384 and P-521, RSA-PSS, and Ed25519; `es256` hashes with SHA-256, and so on. */
export type SignatureAlgorithm = 'es256' | 'es384' | 'es512' | 'ps256' | 'ps384' | 'ps512' | 'ed25519';

/** @internal */
export const signatureAlgorithms: readonly SignatureAlgorithm[] = [
	...(['es256', 'es384', 'es512'] as const),
	...(['ps256', 'ps384', 'ps512'] as const),
	'ed25519',
];

/** How files are marked. What a call does not say, the model says. */
export interface ProvenanceOptions {
	/**
	 * Who signs (default: a development certificate, which is made once for each user and kept in the cache folder. It shows whether a
	 * file was changed, and proves nothing about who made it).
	 */
	signer?: Signer | undefined;
	/** Whether pixels carry the invisible watermark (default true). Without it those of a lossless file are those of `data`. */
	watermark?: boolean | undefined;
	/** What the watermark says besides that this package made the image: 12 hexadecimal digits, 48 bits (default: all 0). */
	payload?: string | undefined;
	/**
	 * Have the manifest name the identity by a hash, so that who has the salt can tell whether an image shows a saved identity (default: it
	 * does not name it).
	 */
	identityHash?: IdentityHashOptions | undefined;
}

/** How the identity is hashed: HMAC-SHA-256 of its 512 numbers (float32, little-endian), with the salt as key. */
export interface IdentityHashOptions {
	/** At least 16 bytes, or characters, that others do not know: without it nobody can compute the hash. */
	salt: string | Uint8Array;
}

/** Marks, or `false` for none. */
export type Provenance = false | ProvenanceOptions;

/** What a model says of files of its images. @internal */
export type Marking = Readonly<{
	provenance: Provenance | undefined;
	/** Where the development certificate is kept. */
	cacheDir: string | undefined;
}>;

const leastSalt = 16;
const payloadRule: Rule = {
	expected: '12 hexadecimal digits',
	fits: (value) => typeof value === 'string' && /^[0-9a-f]{12}$/i.test(value),
};
const saltRule: Rule = {
	expected: `a string or Uint8Array of at least ${leastSalt}`,
	fits: (value) => (typeof value === 'string' || isUint8Array(value)) && value.length >= leastSalt,
};

export const provenanceRule: Rule = {
	expected: 'false, or an object of signer, watermark, payload and identityHash',
	fits: (value) => value === false || rules.object.fits(value),
	remedy: (value) => (value === true ? 'Files are marked unless it is false: leave it out, or pass `{}`.' : undefined),
};

/**
 * Checks all of it, without calling the signer.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 * @internal
 */
export function checkProvenance(provenance: Provenance | undefined): void {
	if (provenance === undefined) return;
	if (!provenanceRule.fits(provenance)) {
		throw invalid(provenanceRule.expected, 'provenance', describe(provenance), provenanceRule.remedy?.(provenance));
	}
	if (provenance === false) return;
	const known = { signer: rules.object, watermark: rules.flag, payload: payloadRule, identityHash: rules.object };
	check('provenance', provenance, known, 'provenance.');
	const { signer, watermark, payload, identityHash } = provenance;
	if (signer !== undefined) checkSigner(signer);
	if (identityHash !== undefined) checkHash(identityHash);
	if (watermark === false && payload !== undefined) throw invalid('a watermark', 'provenance.payload', 'none with it');
}

function checkSigner(signer: Signer): void {
	const { algorithm, certificates, sign } = signer;
	// Others may belong to the signer: it may be an instance of a class.
	const known = { algorithm: oneOf(signatureAlgorithms), certificates: rules.text, sign: rules.callback };
	for (const [name, value] of Object.entries({ algorithm, certificates, sign })) {
		const { expected, fits } = known[name as keyof typeof known];
		if (!fits(value)) throw invalid(expected, `provenance.signer.${name}`, describe(value));
	}
}

function checkHash(identityHash: IdentityHashOptions): void {
	// A salt is a secret: no message repeats it.
	check('provenance.identityHash', identityHash, { salt: { expected: '', fits: () => true } });
	const { salt } = identityHash;
	if (saltRule.fits(salt)) return;
	const isShort = typeof salt === 'string' || isUint8Array(salt);
	throw invalid(saltRule.expected, 'provenance.identityHash.salt', isShort ? `${salt.length}` : typeof salt);
}

/**
 * What a nearer place says comes before what a farther one does: of one file, its call, its model.
 *
 * @returns false for no marks
 * @internal
 */
export function resolveProvenance(...nearestLast: readonly (Provenance | undefined)[]): Provenance {
	let resolved: Provenance = {};
	for (const one of nearestLast) {
		if (one === undefined) continue;
		const said = Object.entries(one).filter(([, value]) => value !== undefined);
		resolved = one === false ? false : { ...resolved, ...Object.fromEntries(said) };
	}
	return resolved;
}
