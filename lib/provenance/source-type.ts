// What the IPTC calls images that a model has made.
import { packageVersion } from '../package.ts';

/** This package, as its marks name it. */
export const generatorName = 'arc2face-native';

/** `arc2face-native 0.1.0` */
export const generator = () => `${generatorName} ${packageVersion()}`;

/** Of https://cv.iptc.org/newscodes/digitalsourcetype/. */
const vocabulary = 'http://cv.iptc.org/newscodes/digitalsourcetype/';

/**
 * An image that is generated as a whole; or one that began as a photo, which the vocabulary calls one edited by generative AI, "for example
 * by inpainting".
 */
export const sourceTypes = {
	generated: `${vocabulary}trainedAlgorithmicMedia`,
	edited: `${vocabulary}compositeWithTrainedAlgorithmicMedia`,
} as const;

/** Whether a term says of an image that a generative model has made it, or a part of it. */
export function isGenerated(sourceType: string | undefined): boolean {
	return Object.values(sourceTypes).some((one) => one.replace(/^http:/, '') === sourceType?.replace(/^https?:/, ''));
}
