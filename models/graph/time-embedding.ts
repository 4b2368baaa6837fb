// The embedding of the timestep.
import type { Value } from './graph.ts';
import { linear, silu } from './layers.ts';
import type { TimeEmbedding } from './resnet.ts';
import type { Scope } from './scope.ts';

export type TimeEmbeddingSizes = Readonly<{
	/** Sines and cosines together; even. */
	waves: number;
	size: number;
	/** Cosines before sines. */
	flipSinToCos: boolean;
	/** Subtracted from the number of frequencies in their exponents. */
	freqShift: number;
}>;

/**
 * The timestep in the form that residual blocks take.
 * @param timestep - float32 [batch], may be fractional; the waves are always float32, since float16 has
 *   no room for 999 and a fraction
 * @returns [batch, size], after the activation that all users of the embedding begin with
 */
export function timeEmbedding(at: Scope, timestep: Value, sizes: TimeEmbeddingSizes): TimeEmbedding {
	const { waves, size, flipSinToCos, freqShift } = sizes;
	const count = waves / 2;
	const frequencies = Array.from({ length: count }, (_, i) => 10000 ** (-i / (count - freqShift)));
	const time = at.at('time_proj');
	const angles = time.op('Mul', [
		time.op('Unsqueeze', [timestep, time.integers([1])]),
		time.floats([1, count], frequencies, 'frequencies'),
	]);
	const [cos, sin] = [time.op('Cos', [angles]), time.op('Sin', [angles])];
	const concat = time.op('Concat', flipSinToCos ? [cos, sin] : [sin, cos], { axis: -1 });
	const projected = time.result(time.compute(concat, 'float32'));

	const embedding = at.at('time_embedding');
	const hidden = silu(embedding, linear(embedding.at('linear_1'), projected, waves, size));
	const value = embedding.result(linear(embedding.at('linear_2'), hidden, size, size));
	return { value: silu(embedding, value), size };
}
