// What lib knows of the core without asking it: limits, which it checks before the core does, and the names of networks.
import { expect, test } from 'vitest';
import { openBundle } from '../../lib/bundle/bundle.ts';
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

test('the embedded bundle has every network of the core, under its name', async () => {
	const { networks } = await openBundle('tiny');
	expect(Object.keys(networks)).toEqual(loadNative().networks.map(({ name }) => name));
});
