// The reference adapter in a UNet (upstream's ReferenceAdapter, https://github.com/foivospar/Arc2Face/blob/main/arc2face/ref_adapter.py):
// an evaluation over one image writes the tokens that its self-attentions see, and those of another image look at them too.
import type { LowRank } from '../weights/low-rank.ts';
import { additions } from './low-rank.ts';
import type { Scope } from './scope.ts';
import type { Conditioning, Steering } from './transformer.ts';
import { levelShape } from './unet-encoder.ts';

/**
 * Adds the inputs and outputs of {@link unet}'s `reference`.
 *
 * @param layers - the adapter's additions to the layers of the UNet
 * @returns the UNet's module with those additions; and `reference`, to be called for the transformer blocks in their order, at
 *   which `level` holds the number of halvings up to there
 */
export function referenceInputs(
	net: Scope,
	layers: LowRank,
): { adapted: Scope; reference: (level: number) => NonNullable<Steering['reference']> } {
	const strength = net.input('reference_scale', ['batch'], 'float32');
	const reads = net.input('reference_reads', ['batch'], 'float32');
	const reading = net.op('Greater', [net.op('Reshape', [reads, net.integers([-1, 1, 1])]), net.floats([], [0.5])]);
	let blocks = 0;
	const reference = (level: number) => (at: Scope, own: Conditioning) => {
		const block = blocks++;
		const shape = levelShape({ channels: own.size, level }, 'tokens');
		const tokens = at.op('Reshape', [own.tokens, byRow(at, own)]);
		net.output(`written_${block}`, tokens, shape);
		const bank = net.input(`bank_${block}`, shape);
		// Rows that do not read look at their own tokens twice: the shares of attention halve, and their sums stay. Unlike a
		// mask this leaves the attention one that runtimes have fast kernels for. An empty bank is nothing more to look at.
		const length = at.op('Shape', [bank], { start: 1, end: 2 });
		const again = at.op('Slice', [tokens, at.integers([0]), length, at.integers([1])]);
		const more = at.op('Where', [reading, bank, again]);
		return at.op('Reshape', [at.op('Concat', [tokens, more], { axis: 1 }), at.integers([-1, own.size])]);
	};
	return { adapted: net.adding(additions(net, layers, strength)), reference };
}

function byRow(at: Scope, { batch, size }: Conditioning) {
	return at.op('Concat', [batch, at.integers([-1, size])], { axis: 0 });
}
