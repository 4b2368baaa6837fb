// Limits that lib checks and the core checks again: the same on both sides.
import { expect, test } from 'vitest';
import { embeddingLength } from '../../lib/identity.ts';
import { loadNative } from '../../lib/native.ts';
import { maxThreads } from '../../lib/options/load.ts';
import { detectionSizeUnit, maxDetectionSize, maxImageSide } from '../../lib/options/sizes.ts';
import { maxAssignments, registers } from '../../lib/samplers/plan.ts';

test('lib has the limits of the core', () => {
	expect(loadNative().limits).toEqual({
		embeddingLength,
		detectionSizeUnit,
		maxDetectionSize,
		maxImageSide,
		maxThreads,
		registers: registers.length,
		maxAssignments,
	});
});
