// The way down and the middle, which UNet and ControlNet share.
import type { Value } from './graph.ts';
import { conv2d } from './layers.ts';
import { type ResnetSizes, resnet, type TimeEmbedding } from './resnet.ts';
import type { Scope } from './scope.ts';
import { timeEmbedding } from './time-embedding.ts';
import { batchSize, mergeBatch } from './tokens.ts';
import { imageTransformer, type Steering } from './transformer.ts';
import type { UNetEncoderConfig } from './unet-config.ts';

/** An image [batch, channels, height, width], whose sides were halved `level` times, each time rounded up. */
export type Feature = Readonly<{ value: Value; channels: number; level: number }>;

/** What steers every block of a UNet. */
export type Guide = Readonly<{ time: TimeEmbedding }> &
	Omit<Steering, 'reference'> & {
		readonly reference?: ((level: number) => NonNullable<Steering['reference']>) | undefined;
	};

/**
 * The shape of an input or output of a UNet or ControlNet that has the size of some level. Its sizes' names tell the level.
 *
 * @param form - whether the positions are those of an image or merged into rows of tokens
 */
export function levelShape({ channels, level }: Omit<Feature, 'value'>, form: 'image' | 'tokens' = 'image') {
	return form === 'image'
		? (['batch', channels, `height_${level}`, `width_${level}`] as const)
		: (['batch', `positions_${level}`, channels] as const);
}

/** The inputs that UNet and ControlNet share. `timestep` is float32 [batch], one per sample. */
export function unetInputs(net: Scope, config: UNetEncoderConfig): { sample: Value; guide: Guide } {
	const sample = net.input('sample', ['batch', config.inChannels, 'height', 'width']);
	const timestep = net.input('timestep', ['batch'], 'float32');
	const hiddenStates = net.input('encoder_hidden_states', ['batch', 'tokens', config.conditioningSize]);
	const time = timeEmbedding(net, timestep, {
		waves: config.channels[0]!,
		size: config.timeEmbeddingSize,
		flipSinToCos: config.flipSinToCos,
		freqShift: config.freqShift,
	});
	const tokens = mergeBatch(net, hiddenStates, config.conditioningSize);
	return {
		sample,
		guide: { time, conditioning: { tokens, size: config.conditioningSize, batch: batchSize(net, sample) } },
	};
}

/**
 * The way down: at each level residual blocks, each with a transformer where the level has attention, then half the size
 * (rounded up).
 * @param x - after the first convolution
 * @returns the skip connections: `x`, and the result of every block and every halving; the middle starts from the last one
 */
export function downBlocks(net: Scope, x: Value, config: UNetEncoderConfig, guide: Guide): Feature[] {
	const skips: Feature[] = [{ value: x, channels: config.channels[0]!, level: 0 }];
	config.channels.forEach((channels, level) => {
		const block = net.at(`down_blocks.${level}`);
		for (let i = 0; i < config.layers[level]!; i++) {
			const attention = config.attention[level]! ? level : undefined;
			skips.push(unetLayer(block, i, skips.at(-1)!, channels, config, attention, guide));
		}
		if (level < config.channels.length - 1) {
			const down = block.at('downsamplers.0');
			const value = conv2d(down.at('conv'), skips.at(-1)!.value, channels, channels, { stride: 2 });
			skips.push({ value: down.result(value), channels, level: level + 1 });
		}
		block.result(skips.at(-1)!.value);
	});
	return skips;
}

/** The middle: a residual block, a transformer, a residual block, at the coarsest level's sizes. */
export function middleBlock(net: Scope, x: Feature, config: UNetEncoderConfig, guide: Guide): Feature {
	const block = net.at('mid_block');
	const { channels, level } = x;
	const first = unetLayer(block, 0, x, channels, config, level, guide);
	const value = resnet(block.at('resnets.1'), first.value, resnetSizes(config, channels, channels), guide.time);
	return { ...first, value: block.result(value) };
}

/**
 * The `i`th residual block of a UNet block, and its transformer.
 * @param attention - the level whose heads and layers the transformer has; undefined: no transformer
 */
export function unetLayer(
	block: Scope,
	i: number,
	x: Feature,
	channels: number,
	config: UNetEncoderConfig,
	attention: number | undefined,
	guide: Guide,
): Feature {
	const value = resnet(block.at(`resnets.${i}`), x.value, resnetSizes(config, x.channels, channels), guide.time);
	const { level } = x;
	if (attention === undefined) return { value, channels, level };
	const sizes = {
		channels,
		heads: config.heads[attention]!,
		layers: config.transformerLayers[attention]!,
		groups: config.groups,
		linearProjection: config.linearProjection,
	};
	const steering = { ...guide, reference: guide.reference?.(level) };
	return { value: imageTransformer(block.at(`attentions.${i}`), value, sizes, steering), channels, level };
}

function resnetSizes({ groups, epsilon }: UNetEncoderConfig, from: number, to: number): ResnetSizes {
	return { from, to, groups, epsilon };
}
