// What lib knows about the core without asking it: the limits that it checks first, and the networks.
import { expect, test } from 'vitest';
import { judgeNames } from '../../lib/bundle/judges.ts';
import { networks } from '../../lib/bundle/networks.ts';
import { faceCropSide } from '../../lib/engines/profiles.ts';
import { embeddingLength } from '../../lib/identity.ts';
import { loadNative } from '../../lib/native.ts';
import { maxThreads } from '../../lib/options/load.ts';
import { detectionSizeUnit, maxDetectionSize, maxImageSide } from '../../lib/options/sizes.ts';
import { maxAssignments, registers } from '../../lib/samplers/plan.ts';

test('lib has the limits of the core', () => {
	expect(loadNative().limits).toEqual({
		embeddingLength,
		faceCropSide,
		detectionSizeUnit,
		maxDetectionSize,
		maxImageSide,
		maxThreads,
		registers: registers.length,
		maxAssignments,
	});
});

test('lib has the networks of the core', () => {
	const byName = (one: { name: string }, other: { name: string }) => one.name.localeCompare(other.name);
	const rows = Object.entries(networks).map(([name, { loaded }]) => ({ name, needed: loaded === 'always' }));
	rows.push(...judgeNames.map((name) => ({ name, needed: false })));
	expect(rows.sort(byName)).toEqual(loadNative().networks.toSorted(byName));
});
