// Reads the marks of a file, and says what they are worth.
import { abandonable } from '../call.ts';
import { Arc2FaceError } from '../errors.ts';
import { resolveVerifyOptions, type VerifyOptions } from '../options/verify.ts';
import { unreadable } from '../photo/file.ts';
import type { Photo } from '../photo/forms.ts';
import { type ImageFile, readImageFile } from '../photo.ts';
import { C2paFailure, C2paLoss, readManifests } from './c2pa.ts';
import { developmentName } from './development-certificate.ts';
import { identityLabel } from './manifest.ts';
import {
	type Fault,
	faultsOf,
	type Manifest,
	type ManifestStore,
	readingSettings,
	sourceTypeOf,
	textOf,
	untrusted,
} from './manifest-store.ts';
import { mediaTypeOf } from './media-type.ts';
import { generatorName, isGenerated } from './source-type.ts';
import type { C2paMark, Finding, Verification, WatermarkMark, XmpMark } from './verification.ts';
import { readWatermark } from './watermark.ts';
import { readXmp } from './xmp.ts';

/**
 * What the marks of an image file say of it, and what they are worth. Files of other programs are read, too. Nothing is asked of the
 * network.
 *
 * @param photo - a file, or its bytes
 * @param options - whose signatures count
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, also for pixels, which have no metadata; `INVALID_IMAGE`, also for a file of over 256 MB, or one whose
 *   manifest can't be read within a minute; the signal's reason when stopped
 */
export async function verifyImage(photo: Photo, options?: VerifyOptions): Promise<Verification> {
	const { trust, signal } = resolveVerifyOptions(options);
	signal?.throwIfAborted();
	const file = await abandonable(readImageFile(photo), signal);
	const c2pa = await abandonable(c2paOf(file, trust), signal);
	const xmp = file.xmp === undefined ? undefined : xmpMark(file.xmp);
	const watermark = await watermarkOf(file, c2pa?.state === 'altered', signal);
	const isMarked = watermark !== undefined;
	const generated = isGenerated(c2pa?.sourceType) || isGenerated(xmp?.sourceType) || isMarked;
	const isOurs = (tool: string | undefined) => tool?.split(' ')[0] === generatorName;
	const madeHere = isOurs(c2pa?.generator) || isOurs(xmp?.creatorTool) || isMarked;
	return {
		...{ finding: findingOf(c2pa, generated), generated, madeHere },
		...(c2pa && { c2pa }),
		...(xmp && { xmp }),
		...(watermark && { watermark }),
	};
}

function findingOf(c2pa: C2paMark | undefined, generated: boolean): Finding {
	if (c2pa?.state === 'altered') return 'altered';
	if (!generated) return 'none';
	const counts = c2pa?.state === 'intact' && c2pa.signer?.isTrusted !== false && isGenerated(c2pa.sourceType);
	return counts ? 'signed' : 'marked';
}

async function c2paOf(file: ImageFile, trust: string | undefined): Promise<C2paMark | undefined> {
	const { bytes, format } = file;
	const request = { format: mediaTypeOf(format), bytes, settings: readingSettings(trust) };
	try {
		return markOf(JSON.parse(await readManifests(request)) as ManifestStore, trust !== undefined);
	} catch (error) {
		if (error instanceof C2paLoss) {
			throw unreadable(file, `what it says of C2PA can't be read, because ${error.message}`, { cause: error });
		}
		if (!(error instanceof C2paFailure)) throw error;
		// None, or in a format that can have none.
		if (/\b(JumbfNotFound|UnsupportedType)\b/.test(error.message)) return undefined;
		return /\bRemoteManifestUrl\b/.test(error.message) ? remote : damaged(error.message);
	}
}

function markOf(store: ManifestStore, isAsked: boolean): C2paMark {
	const manifest = store.manifests?.[store.active_manifest ?? ''] ?? {};
	const faults = faultsOf(store);
	const state = faults.length === 0 ? 'intact' : faults.every(isOfSignature) ? 'unproven' : 'altered';
	const isTrusted = !store.validation_status?.some(({ code }) => code === untrusted);
	const signer = signerOf(manifest, isAsked ? isTrusted : undefined);
	const [software] = manifest.claim_generator_info ?? [];
	const sourceType = sourceTypeOf(manifest);
	const identityHash = textOf(manifest, identityLabel, 'hash');
	return {
		...{ state, meaning: meaningOf(state, signer), faults: [...new Set(faults.map(({ code }) => code))] },
		...(signer && { signer }),
		...(software?.name !== undefined && { generator: [software.name, software.version].filter(Boolean).join(' ') }),
		...(sourceType !== undefined && { sourceType }),
		inputs: (manifest.ingredients ?? []).map(({ title }) => title ?? 'unnamed'),
		...(identityHash !== undefined && { identityHash }),
	};
}

/** The file may be unchanged, but nothing shows it. */
function isOfSignature({ code }: Fault): boolean {
	return /^(signingCredential|timeStamp)\.|^claimSignature\.outsideValidity$/.test(code);
}

function signerOf({ signature_info: info }: Manifest, isTrusted: boolean | undefined): C2paMark['signer'] {
	if (info === undefined) return undefined;
	const { common_name: name = 'unnamed', issuer: organisation = 'unnamed', alg = 'unknown' } = info;
	return {
		...{ name, organisation, algorithm: alg.toLowerCase(), isDevelopment: name === developmentName },
		...(isTrusted !== undefined && { isTrusted }),
	};
}

function meaningOf(state: C2paMark['state'], signer: C2paMark['signer']): string {
	if (state === 'altered') {
		return 'The file or its manifest was changed after it was signed: nothing in the manifest can be relied on.';
	}
	if (state === 'unproven') return 'The signature can not be relied on, so neither can what the manifest says.';
	const unchanged = 'The file is unchanged since it was signed.';
	if (signer?.isTrusted)
		return `${unchanged} The signer is one of those that are trusted, and vouches for what it says.`;
	if (signer?.isTrusted === false) return `${unchanged} The signer is none of those that are trusted.`;
	if (signer?.isDevelopment) {
		return `${unchanged} A development certificate signed it, which everybody can make: it proves nothing about who did.`;
	}
	return `${unchanged} Who the signer is depends on the certificate, and no trusted ones were given to check it by.`;
}

const remote: C2paMark = {
	...{ state: 'unproven', faults: ['manifest.inaccessible'], inputs: [] },
	meaning: 'The manifest lies elsewhere, and is not fetched: nothing is known of it.',
};

function damaged(why: string): C2paMark {
	const meaning = `The manifest is damaged: nothing in it can be relied on (${why}).`;
	return { state: 'altered', faults: ['manifest.unreadable'], inputs: [], meaning };
}

/** @param isAltered - so that pixels may be what was changed, to what can't be decoded */
async function watermarkOf(
	{ pixels }: ImageFile,
	isAltered: boolean,
	signal: AbortSignal | undefined,
): Promise<WatermarkMark | undefined> {
	const decoding = pixels().catch((error: unknown) => {
		if (isAltered) return undefined;
		throw error;
	});
	const decoded = await abandonable(decoding, signal);
	const found = decoded && (await readWatermark(decoded, signal).catch(unlessTooLarge));
	if (found === undefined) return undefined;
	const { payload, falseAlarm } = found;
	return {
		...(payload !== undefined && { payload: Buffer.from(payload).toString('hex') }),
		falseAlarm,
		meaning:
			'Somebody marked these pixels, or ones that they were made from, with this package, which can mark any image: it proves ' +
			'nothing about who made this one, or whether it was changed.',
	};
}

/** None is looked for there, and the other marks count. */
function unlessTooLarge(error: unknown): undefined {
	if (!(error instanceof Arc2FaceError && error.code === 'INVALID_IMAGE')) throw error;
}

function xmpMark(packet: string): XmpMark | undefined {
	const source = readXmp(packet);
	if (source === undefined) return undefined;
	const { sourceType, creatorTool } = source;
	if (sourceType === undefined && creatorTool === undefined) return undefined;
	return {
		...(sourceType !== undefined && { sourceType }),
		...(creatorTool !== undefined && { creatorTool }),
		meaning:
			'Everybody can write this, and take it away: it tells honest readers what the image is, and proves nothing.',
	};
}
