// What helps where a bundle has no networks that read faces.
import type { Bundle } from '../bundle/bundle.ts';
import { Arc2FaceError } from '../errors.ts';
import type { Sentence } from '../messages/wording.ts';

const faceModelsRemedy =
	'Put what is missing into its folder: `arc2face pull --accept-antelopev2-license` gets them for the official bundle. ' +
	'Without them, paint from identities that another model encoded.';

/** To align a reference's photo. */
export const referenceRemedy: Sentence = ({ either }) =>
	'Put what is missing into its folder, as `arc2face pull --accept-antelopev2-license` does for the official bundle; ' +
	either(
		'or pass five keypoints as `face`, or `align: false` for a photo that is aligned.',
		'or pass --reference-as-is for a photo that is aligned.',
	);

/** To tell who is in the photos of a call. */
export const guardRemedy =
	'Put what is missing into its folder, or load the model without a ledger and a deny list: ' +
	'under these, everybody in the photos that images begin as or refer to is looked at.';

/**
 * @param call - what can't be done
 * @param name - of the bundle
 */
export function missesFaceModels(call: string, name: string, { missingFaceModels }: Bundle, remedy?: Sentence) {
	return new Arc2FaceError(
		'INVALID_BUNDLE',
		`Can't ${call}: the bundle ${name} has no ${missingFaceModels.join(' and no ')}.`,
		{ remedy: remedy ?? faceModelsRemedy, details: { bundle: name } },
	);
}
