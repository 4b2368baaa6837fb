// Previews of the images of a call: how they are painted, and handing them out.
import { latentColoursName } from '../bundle/latent-colours.ts';
import { Arc2FaceError } from '../errors.ts';
import type { NativeGenerateRequest, NativePreview } from '../native.ts';
import type { Preview } from '../options/preview.ts';
import type { Model } from './model.ts';
import type { Portrait } from './portraits.ts';

/**
 * The linear map that previews are painted by, unless the tiny decoder paints them: a VAE would take as long as for the image itself.
 *
 * @throws {Arc2FaceError} `INVALID_BUNDLE` for latents of which none is known
 */
export function previewColours({ bundle, decoder }: Model): Pick<NativeGenerateRequest, 'previewColours'> {
	if (decoder === 'taesd') return {};
	const { folder, latentColours } = bundle;
	if (latentColours !== undefined) return { previewColours: latentColours };
	throw new Arc2FaceError(
		'INVALID_BUNDLE',
		`Can't show previews: the bundle ${folder} has no ${latentColoursName}, which tells how its latents look.`,
		{
			remedy: ({ option }) =>
				`Put one there, as docs/bundles.md describes it; or load the model with ${option('decoder', 'taesd')}, if it has a tiny decoder.`,
			details: { bundle: folder },
		},
	);
}

/** @param portraits - of the request */
export function previewOf(
	{ index, step, pixels, ...size }: NativePreview,
	portraits: readonly Portrait[],
	{ steps, round }: { steps: number; round: number },
): Preview {
	const { index: place, seed } = portraits[index]!;
	return { data: pixels, ...size, channels: 3, index: place, seed, step, steps, round };
}
