// Limits on the sizes of images and the detector's square.
import type { Size } from '../geometry.ts';
import { integer, type Rule } from './check.ts';

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

function multipleOf(unit: number, most: number): Rule {
	return {
		expected: `a multiple of ${unit} from ${unit} to ${most}`,
		fits: (value) => integer(unit, most).fits(value) && (value as number) % unit === 0,
	};
}
