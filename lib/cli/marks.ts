// The options that say how files are marked as those of generated images.
import type { Provenance } from '../options/provenance.ts';
import { signerFromFiles } from '../provenance/signer.ts';
import { type OptionValues, UsageError } from './command.ts';

export const markOptions = {
	noProvenance: {
		type: 'boolean',
		help: 'write files without marks that say that they are generated (metadata, signature, watermark)',
	},
	signCertificates: {
		type: 'path',
		value: 'FILE',
		help: 'your certificate, then those of its issuers (PEM), to sign files with (default: a development certificate)',
	},
	signKey: { type: 'path', value: 'FILE', help: 'the private key of the certificate (PEM)' },
	watermarkPayload: {
		type: 'string',
		value: 'HEX',
		help: 'what the watermark says besides what made the image: 12 hexadecimal digits (default: all 0)',
	},
} as const;

/**
 * @throws {UsageError} for options that do not go together
 * @throws {Arc2FaceError} as `signerFromFiles` does
 */
export async function provenanceOf({
	noProvenance,
	signCertificates,
	signKey,
	watermarkPayload: payload,
}: OptionValues<typeof markOptions>): Promise<Provenance> {
	if (noProvenance) {
		const others = { '--sign-certificates': signCertificates, '--sign-key': signKey, '--watermark-payload': payload };
		const [given] = Object.entries(others).find(([, value]) => value !== undefined) ?? [];
		if (given !== undefined) throw new UsageError(`Expected --no-provenance or ${given} but received both.`);
		return false;
	}
	if ((signCertificates === undefined) !== (signKey === undefined)) {
		const [given, missing] =
			signKey === undefined ? ['--sign-certificates', '--sign-key'] : ['--sign-key', '--sign-certificates'];
		throw new UsageError(`Expected ${missing} with ${given} but received ${given} alone.`);
	}
	if (signCertificates === undefined || signKey === undefined) return { payload };
	return { payload, signer: await signerFromFiles({ certificates: signCertificates, privateKey: signKey }) };
}
