// The progress that commands show while a model loads.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../../lib/cli/command.ts';
import { loadingDisplay } from '../../lib/cli/model.ts';
import type { LoadProgress } from '../../lib/options/load.ts';
import { silentContext } from '../command-line.ts';

let interruption: AbortController;
let said: string[];
let context: Context;
beforeEach(() => {
	interruption = new AbortController();
	said = [];
	context = silentContext({
		signal: interruption.signal,
		note: (text) => said.push(text),
		progress: (label, { done, total }) => said.push(`${label}: ${done} of ${total}`),
	});
});
const at = (phase: LoadProgress['phase'], fraction: number): LoadProgress => ({
	...{ network: 'unet', phase, fraction },
	...{ done: 3, total: 5 },
});

test('how far a load is reads as a label and a number', () => {
	const show = loadingDisplay(context);
	show(at('reading', 0.5));
	show(at('waiting', 0));
	show(at('building', 0.125));
	show(at('loading', 1));
	expect(said).toEqual([
		'checking unet: 50 of 100',
		'Waiting to build the engine of unet: another load builds it, or calls run on the GPU.',
		'building the engine of unet (4 of 5): 12 of 100',
		'loading the model: 3 of 5',
	]);
});

test('what a load takes of the memory of a GPU reads beside it, as the first that is told', () => {
	const show = loadingDisplay(context);
	show({ ...at('allocating', 0), memory: { bytes: 2.4e9, freeBytes: 22.1e9 } });
	show({ ...at('allocating', 0), memory: { bytes: 3e8, freeBytes: 19.7e9 } });
	show(at('loading', 1));
	expect(said).toEqual(['loading the model (at least 2.4 GB of 22.1 GB free on the GPU): 3 of 5']);
});

describe('an interrupt', () => {
	test('of a build says at once what is waited for, and what would end that', () => {
		const show = loadingDisplay(context);
		show(at('building', 0.5));
		said = [];
		interruption.abort();
		expect(said).toEqual([expect.stringMatching(/engine of unet stops after its present step.*Ctrl-C again/)]);
		show(at('building', 0.6));
		expect(said).toHaveLength(1);
	});

	test.each(['reading', 'waiting', 'allocating', 'loading'] as const)('while %s has nothing to wait for', (phase) => {
		const show = loadingDisplay(context);
		show(at('building', 1));
		show(at(phase, 1));
		said = [];
		interruption.abort();
		expect(said).toEqual([]);
	});
});
