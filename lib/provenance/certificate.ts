// Makes an X.509 certificate, as C2PA demands it of signers and their issuers.
import { webcrypto } from 'node:crypto';
import { type BaseBlock, BitString, Integer, OctetString, Utf8String } from 'asn1js';
import * as pkijs from 'pkijs';

/** What is to be certified. */
export type Certified = Readonly<{
	name: string;
	key: webcrypto.CryptoKey;
	issuer: Readonly<{ name: string; keys: webcrypto.CryptoKeyPair }>;
	time: Readonly<{ from: Date; to: Date }>;
	isIssuer: boolean;
}>;

/** Of RFC 5280. */
const oids = {
	...{ commonName: '2.5.4.3', organisation: '2.5.4.10' },
	...{ basicConstraints: '2.5.29.19', keyUsage: '2.5.29.15', extendedKeyUsage: '2.5.29.37' },
	...{ subjectKeyId: '2.5.29.14', authorityKeyId: '2.5.29.35' },
	emailProtection: '1.3.6.1.5.5.7.3.4', // among the purposes that C2PA lets sign
} as const;

const engine = new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto as never });

/** @returns PEM */
export async function certificateFor({ name, key, issuer, time, isIssuer }: Certified): Promise<string> {
	const certificate = new pkijs.Certificate({
		version: 2, // which is X.509 v3
		serialNumber: new Integer({ valueHex: serialNumber() }),
		subject: nameOf(name),
		issuer: nameOf(issuer.name),
		subjectPublicKeyInfo: await infoOf(key),
		notBefore: new pkijs.Time({ value: time.from }),
		notAfter: new pkijs.Time({ value: time.to }),
		extensions: [
			extension(oids.basicConstraints, new pkijs.BasicConstraints({ cA: isIssuer }).toSchema(), true),
			// keyCertSign, or digitalSignature.
			extension(oids.keyUsage, isIssuer ? bits(0x04, 2) : bits(0x80, 7), true),
			...(isIssuer ? [] : [extension(oids.extendedKeyUsage, purposes().toSchema(), true)]),
			extension(oids.subjectKeyId, new OctetString({ valueHex: await idOf(key) })),
			extension(oids.authorityKeyId, await authority(issuer.keys.publicKey)),
		],
	});
	await certificate.sign(issuer.keys.privateKey as never, 'SHA-256', engine);
	const lines = Buffer.from(certificate.toSchema(true).toBER())
		.toString('base64')
		.match(/.{1,64}/g)!;
	return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function nameOf(commonName: string): pkijs.RelativeDistinguishedNames {
	const part = (type: string, value: string) =>
		new pkijs.AttributeTypeAndValue({ type, value: new Utf8String({ value }) });
	return new pkijs.RelativeDistinguishedNames({
		typesAndValues: [part(oids.organisation, 'arc2face-native'), part(oids.commonName, commonName)],
	});
}

function extension(extnID: string, value: Pick<BaseBlock, 'toBER'>, critical = false): pkijs.Extension {
	return new pkijs.Extension({ extnID, critical, extnValue: value.toBER() });
}

function purposes(): pkijs.ExtKeyUsage {
	return new pkijs.ExtKeyUsage({ keyPurposes: [oids.emailProtection] });
}

function bits(byte: number, unusedBits: number): BitString {
	return new BitString({ valueHex: Uint8Array.of(byte).buffer, unusedBits });
}

async function authority(key: webcrypto.CryptoKey): Promise<Pick<BaseBlock, 'toBER'>> {
	const keyIdentifier = new OctetString({ valueHex: await idOf(key) });
	return new pkijs.AuthorityKeyIdentifier({ keyIdentifier }).toSchema();
}

/** The usual one of RFC 5280, 4.2.1.2: SHA-1 of the key's bits. */
async function idOf(key: webcrypto.CryptoKey): Promise<ArrayBuffer> {
	const { subjectPublicKey } = await infoOf(key);
	return await webcrypto.subtle.digest('SHA-1', subjectPublicKey.valueBlock.valueHexView);
}

async function infoOf(key: webcrypto.CryptoKey): Promise<pkijs.PublicKeyInfo> {
	return pkijs.PublicKeyInfo.fromBER(await webcrypto.subtle.exportKey('spki', key));
}

/** 63 random bits, positive. */
function serialNumber(): ArrayBuffer {
	const bytes = webcrypto.getRandomValues(new Uint8Array(8));
	bytes[0] = (bytes[0]! & 0x7f) | 0x40;
	return bytes.buffer;
}
