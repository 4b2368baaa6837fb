// The residual block of convolutions.
import type { Value } from './graph.ts';
import { conv2d, groupNorm, linear, silu } from './layers.ts';
import type { Scope } from './scope.ts';

export type ResnetSizes = Readonly<{ from: number; to: number; groups: number; epsilon: number }>;

/** The time embedding after its activation, [batch, size]. */
export type TimeEmbedding = Readonly<{ value: Value; size: number }>;

/**
 * Residual block of two convolutions (diffusers' `ResnetBlock2D`).
 * @param x - [batch, from, height, width]
 * @param time - added to every pixel between the convolutions, projected to the block's channels
 * @returns [batch, to, height, width]
 */
export function resnet(at: Scope, x: Value, { from, to, groups, epsilon }: ResnetSizes, time?: TimeEmbedding): Value {
	let hidden = silu(at, groupNorm(at.at('norm1'), x, from, groups, epsilon));
	hidden = conv2d(at.at('conv1'), hidden, from, to);
	if (time !== undefined) {
		const shift = linear(at.at('time_emb_proj'), time.value, time.size, to);
		hidden = at.op('Add', [hidden, at.op('Reshape', [shift, at.integers([-1, to, 1, 1])])]);
	}
	hidden = silu(at, groupNorm(at.at('norm2'), hidden, to, groups, epsilon));
	hidden = conv2d(at.at('conv2'), hidden, to, to);
	const shortcut = from === to ? x : conv2d(at.at('conv_shortcut'), x, from, to, { kernel: 1 });
	return at.result(at.op('Add', [shortcut, hidden]));
}
