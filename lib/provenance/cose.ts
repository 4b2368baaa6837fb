// COSE_Sign1 (RFC 9052), as C2PA has it: the certificates in the protected header, the claim left out.
import { encode } from 'cborg';
import type { SignatureAlgorithm } from '../options/provenance.ts';

/** IANA's numbers of COSE algorithms: https://www.iana.org/assignments/cose/cose.xhtml */
const algorithmNumbers: Readonly<Record<SignatureAlgorithm, number>> = {
	...{ es256: -7, es384: -35, es512: -36 },
	...{ ps256: -37, ps384: -38, ps512: -39 },
	ed25519: -8,
};

/** Header parameters: `alg`, and `x5chain` of RFC 9360. */
const headers = { algorithm: 1, certificates: 33 } as const;
const sign1Tag = 0xd2; // 18, in CBOR

/** @param certificates - in DER, the signer's first */
export function protectedHeader(algorithm: SignatureAlgorithm, certificates: readonly Uint8Array[]): Uint8Array {
	const [only] = certificates;
	const chain = certificates.length === 1 ? only : certificates;
	return encode(
		new Map<number, unknown>([
			[headers.algorithm, algorithmNumbers[algorithm]],
			[headers.certificates, chain],
		]),
	);
}

/** What is signed of a claim. */
export function toBeSigned(header: Uint8Array, claim: Uint8Array): Uint8Array {
	return encode(['Signature1', header, new Uint8Array(), claim]);
}

export function sign1(header: Uint8Array, signature: Uint8Array): Uint8Array {
	return Uint8Array.of(sign1Tag, ...encode([header, new Map(), null, signature]));
}
