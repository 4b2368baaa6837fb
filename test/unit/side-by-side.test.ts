// On which GPUs models run that paint one data set together.
import { expect, test } from 'vitest';
import { SideBySide } from '../../lib/cli/side-by-side.ts';
import type { NativeGpu } from '../../lib/native.ts';

const big: NativeGpu = { name: 'Big', capability: 90, memory: 8e10, multiprocessors: 132, supported: true };

/** Where four models run, the first of which finds itself on `first`. */
function devices(asked: string | undefined, first: string, gpus: readonly NativeGpu[]) {
	const models = new SideBySide(asked, () => gpus);
	return [0, 1, 2, 3].map((index) => {
		const device = models.deviceOf(index);
		models.isOn(index === 0 ? first : device!);
		return device;
	});
}

test.each<[string, string | undefined, string, readonly NativeGpu[], (string | undefined)[]]>([
	['all GPUs of one kind, in turn', undefined, 'cuda:0', [big, big, big], [undefined, 'cuda:1', 'cuda:2', 'cuda:0']],
	['from the first on', 'auto', 'cuda:1', [big, big, big], ['auto', 'cuda:2', 'cuda:0', 'cuda:1']],
	[
		'no GPU of another kind',
		'cuda',
		'cuda:0',
		[big, { ...big, name: 'Other' }, big],
		['cuda', 'cuda:2', 'cuda:0', 'cuda:2'],
	],
	[
		'no slice of the same',
		'cuda',
		'cuda:0',
		[big, { ...big, multiprocessors: 60 }],
		['cuda', ...Array(3).fill('cuda:0')],
	],
	[
		'none that is not supported',
		'cuda',
		'cuda:1',
		[{ ...big, supported: false }, big],
		['cuda', ...Array(3).fill('cuda:1')],
	],
	['the GPU that was named', 'cuda:1', 'cuda:1', [big, big], Array(4).fill('cuda:1')],
	['a stand-in without a GPU', undefined, 'cuda:0', [], [undefined, ...Array(3).fill('cuda:0')]],
	['the CPU', undefined, 'cpu', [big], [undefined, 'cpu', 'cpu', 'cpu']],
])('are %s', (_, asked, first, gpus, expected) => {
	expect(devices(asked, first, gpus)).toEqual(expected);
});
