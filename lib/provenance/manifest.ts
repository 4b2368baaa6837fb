// The C2PA manifest of a file, and signing it.
import { createHmac } from 'node:crypto';
import { Arc2FaceError } from '../errors.ts';
import type { Identity } from '../identity.ts';
import type { IdentityHashOptions, Signer } from '../options/provenance.ts';
import { packageVersion } from '../package.ts';
import { C2paFailure, C2paLoss, readManifests, signFile } from './c2pa.ts';
import { faultsOf, type ManifestStore, readingSettings } from './manifest-store.ts';
import { type ReadySigner, readySigner } from './signer.ts';
import { generatorName } from './source-type.ts';

/** What an image may have been painted from, besides noise: names of options of `generate`. */
export type InputRole = 'image' | 'mask' | 'control' | 'reference';

/** What a manifest tells of an image. */
export type Told = Readonly<{
	sourceType: string;
	inputs: readonly InputRole[];
	identityHash: string | undefined;
}>;

/** Of assertions that C2PA does not define: the name of the domain of those who do. */
export const identityLabel = 'io.github.arc2face-native.identity';

/** So that who has the salt can compare, and nobody else. */
export function identityHashOf({ embedding }: Identity, { salt }: IdentityHashOptions): string {
	const bytes = Buffer.alloc(4 * embedding.length);
	for (const [i, number] of embedding.entries()) bytes.writeFloatLE(number, 4 * i);
	return createHmac('sha256', salt).update(bytes).digest('hex');
}

/** Neither names of files nor pictures: they may tell of people. What went in is told by its role. */
function manifestOf({ sourceType, inputs, identityHash }: Told, format: string): string {
	const software = { name: generatorName, version: packageVersion() };
	const created = {
		action: 'c2pa.created',
		digitalSourceType: sourceType,
		softwareAgent: software,
		...(inputs.length > 0 && { parameters: { ingredientIds: inputs } }),
	};
	return JSON.stringify({
		claim_generator_info: [software],
		format,
		ingredients: inputs.map((role) => ({ title: role, relationship: 'inputTo', label: role })),
		assertions: [
			{ label: 'c2pa.actions.v2', data: { actions: [created] }, created: true },
			...(identityHash === undefined
				? []
				: [{ label: identityLabel, data: { algorithm: 'HMAC-SHA-256', hash: identityHash }, created: true }]),
		],
	});
}

const signingSettings = JSON.stringify({
	builder: { thumbnail: { enabled: false } },
	// Done here, and only for a signer's first file.
	verify: { verify_after_sign: false },
});

/** Signers whose certificates have been read; and those of which a signed file was read back and found good. */
const ready = new WeakMap<Signer, ReadySigner>();
const proven = new WeakSet<Signer>();

/**
 * @param file - an encoded image
 * @param format - `image/png` and so on
 * @returns the file with a manifest
 * @throws {Arc2FaceError} `SIGNING_FAILED`
 */
export async function signed(file: Uint8Array, format: string, told: Told, signer: Signer): Promise<Uint8Array> {
	const { algorithm, bytes: signatureBytes, sign } = readyOf(signer);
	const request = { format, bytes: file, manifest: manifestOf(told, format), settings: signingSettings };
	try {
		const done = await signFile({ ...request, algorithm, signatureBytes }, sign);
		if (!proven.has(signer)) await prove(done, format);
		proven.add(signer);
		return done;
	} catch (cause) {
		if (!(cause instanceof C2paFailure || cause instanceof C2paLoss)) throw cause;
		throw new Arc2FaceError('SIGNING_FAILED', `The file could not be signed: ${cause.message}.`, { cause });
	}
}

function readyOf(signer: Signer): ReadySigner {
	const known = ready.get(signer) ?? readySigner(signer);
	ready.set(signer, known);
	return known;
}

/** Whether others will accept what a signer signs: C2PA has rules for certificates. */
async function prove(file: Uint8Array, format: string): Promise<void> {
	const store = JSON.parse(await readManifests({ format, bytes: file, settings: readingSettings() })) as ManifestStore;
	const faults = faultsOf(store);
	if (faults.length === 0) return;
	const told = [...new Set(faults.map(({ code, explanation }) => `${code} (${explanation})`))].join(', ');
	throw new Arc2FaceError('SIGNING_FAILED', `Readers of C2PA refuse what the signer signs: ${told}.`, {
		remedy:
			'Its certificate has to be one for digital signatures, not for issuing others, with the extended key usage emailProtection, ' +
			'documentSigning or c2pa-kp-claimSigning: see docs/provenance.md.',
	});
}
