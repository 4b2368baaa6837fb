// Keys and certificates of signers, made for a test.
import { KeyObject, webcrypto } from 'node:crypto';
import type { SignatureAlgorithm, Signer } from '../lib/options/provenance.ts';
import { certificateFor } from '../lib/provenance/certificate.ts';
import { signWith } from '../lib/provenance/signer.ts';

const ec = (namedCurve: string) => ({ name: 'ECDSA', namedCurve });
const rsa = (hash: string) => ({
	...{ name: 'RSA-PSS', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash },
});
const keyKinds: Record<SignatureAlgorithm, object> = {
	...{ es256: ec('P-256'), es384: ec('P-384'), es512: ec('P-521') },
	...{ ps256: rsa('SHA-256'), ps384: rsa('SHA-384'), ps512: rsa('SHA-512') },
	ed25519: { name: 'Ed25519' },
};
const year = 365 * 86_400_000;

export async function newKeys(algorithm: SignatureAlgorithm = 'es256'): Promise<webcrypto.CryptoKeyPair> {
	const keys = await webcrypto.subtle.generateKey(keyKinds[algorithm] as never, true, ['sign', 'verify']);
	return keys as webcrypto.CryptoKeyPair;
}

export type TestSigner = Signer & { key: KeyObject; own: string; issuer: string };

/**
 * A signer with a certificate of its own, and one of its issuer.
 *
 * @param how.isAuthority - a certificate for issuing others, not for signing
 * @param how.years - when its time begins and ends, in years from now
 */
export async function newSigner(
	algorithm: SignatureAlgorithm = 'es256',
	{ isAuthority = false, years = [-1, 1] }: { isAuthority?: boolean; years?: [number, number] } = {},
): Promise<TestSigner> {
	const [issuing, signing] = [await newKeys(), await newKeys(algorithm)];
	const key = KeyObject.from(signing.privateKey);
	const time = { from: new Date(Date.now() + years[0] * year), to: new Date(Date.now() + years[1] * year) };
	const issuer = { name: 'Test authority', keys: issuing };
	const own = await certificateFor({ name: 'Anna', key: signing.publicKey, issuer, time, isIssuer: isAuthority });
	const other = { name: issuer.name, key: issuer.keys.publicKey, issuer, time, isIssuer: true };
	const authority = await certificateFor(other);
	return { algorithm, certificates: own + authority, sign: signWith(algorithm, key), key, own, issuer: authority };
}
