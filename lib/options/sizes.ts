// Limits on the sizes of images and the detector's square.
import type { Size } from '../geometry.ts';
import { integer, invalid, type Rule } from './check.ts';

export const maxImageSide = 2048;
export const usualDetectionSize = 640;
export const maxDetectionSize = 4096;
/** The coarsest stride of SCRFD: its input is a whole number of cells. */
export const detectionSizeUnit = 32;

export const detectionSizeRule = multipleOf(detectionSizeUnit, maxDetectionSize);

export const sizeRule: Rule = {
	expected: `{ width, height } of 1 to ${maxImageSide}`,
	fits: (value) => {
		if (typeof value !== 'object' || value === null) return false;
		const { width, height } = value as Partial<Size>;
		return integer(1, maxImageSide).fits(width) && integer(1, maxImageSide).fits(height);
	},
};

export function side(unit: number): Rule {
	return multipleOf(unit, maxImageSide);
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for a side that is no whole number of latents */
export function requireSides(sides: Readonly<Record<string, number | undefined>>, pixelsPerLatent: number): void {
	const { expected, fits } = side(pixelsPerLatent);
	for (const [name, pixels] of Object.entries(sides)) {
		if (pixels !== undefined && !fits(pixels)) throw invalid(expected, name, `${pixels}`);
	}
}

function multipleOf(unit: number, most: number): Rule {
	return {
		expected: `a multiple of ${unit} from ${unit} to ${most}`,
		fits: (value) => integer(unit, most).fits(value) && (value as number) % unit === 0,
	};
}
