// A file of an image with its marks: watermark, XMP, C2PA manifest, in this order, because the signature covers the others.
import sharp, { type Sharp } from 'sharp';
import type { Identity } from '../identity.ts';
import type { ProvenanceOptions } from '../options/provenance.ts';
import { developmentSigner } from './development-certificate.ts';
import { type InputRole, identityHashOf, signed } from './manifest.ts';
import { mediaTypeOf } from './media-type.ts';
import { sourceTypes } from './source-type.ts';
import { embedWatermark, type ImagePixels, watermarkBytes } from './watermark.ts';
import { xmpOf } from './xmp.ts';

/** What marks tell of an image. */
export type Origin = Readonly<{
	inputs: readonly InputRole[];
	identity?: Identity;
	/** Where the development certificate is. */
	cacheDir?: string | undefined;
}>;

/** Of an image that nothing is known of. */
export const unknownOrigin: Origin = { inputs: [] };

function sourceTypeOf({ inputs }: Origin): string {
	return inputs.includes('image') ? sourceTypes.edited : sourceTypes.generated;
}

/**
 * Encodes an image as a file that says what it is.
 *
 * @param encode - decides the format
 * @throws {Arc2FaceError} `SIGNING_FAILED`
 */
export async function markedFile(
	image: ImagePixels,
	encode: (image: Sharp) => Sharp,
	origin: Origin,
	{ signer, watermark = true, payload = noPayload, identityHash }: ProvenanceOptions,
): Promise<Buffer> {
	const { width, height } = image;
	const data = watermark ? await embedWatermark(image, Buffer.from(payload, 'hex')) : image.data;
	const sourceType = sourceTypeOf(origin);
	const encoded = encode(sharp(data, { raw: { width, height, channels: 3 } })).withXmp(xmpOf(sourceType));
	const { data: file, info } = await encoded.toBuffer({ resolveWithObject: true });
	const told = {
		...{ sourceType, inputs: origin.inputs },
		identityHash: identityHash && origin.identity && identityHashOf(origin.identity, identityHash),
	};
	const by = signer ?? (await developmentSigner(origin.cacheDir));
	const bytes = await signed(file, mediaTypeOf(info.format), told, by);
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const noPayload = '00'.repeat(watermarkBytes);
