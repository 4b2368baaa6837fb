// Sizes of images and of the detector's square.
import type { Size } from '../geometry.ts';
import { integer, type Rule } from './check.ts';

export const maxImageSide = 2048;
export const usualDetectionSize = 640;

export const detectionSizeRule: Rule = {
	expected: 'a multiple of 32 from 32 to 4096',
	fits: (value) => integer(32, 4096).fits(value) && (value as number) % 32 === 0,
};

export const sizeRule: Rule = {
	expected: `{ width, height } of 1 to ${maxImageSide}`,
	fits: (value) => {
		if (typeof value !== 'object' || value === null) return false;
		const { width, height } = value as Partial<Size>;
		return integer(1, maxImageSide).fits(width) && integer(1, maxImageSide).fits(height);
	},
};

export function side(unit: number): Rule {
	return {
		expected: `a multiple of ${unit} from ${unit} to ${maxImageSide}`,
		fits: (value) => integer(unit, maxImageSide).fits(value) && (value as number) % unit === 0,
	};
}
