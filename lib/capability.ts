import type { Product } from './tensorrt-search.ts';

// A GPU's compute capability tells its generation. As a number it is ten times what people write: 89 stands for 8.9.

/** `8.9` */
export function capabilityName(capability: number): string {
	return (capability / 10).toFixed(1);
}

/** @returns undefined for what is no capability */
export function parseCapability(text: string): number | undefined {
	return /^\d{1,2}\.\d$/.test(text) ? Number(text.replace('.', '')) : undefined;
}

/**
 * Whether a product has engines for a GPU, by what NVIDIA documents of TensorRT 11 (7.5 to 12.x, data centres included) and of
 * TensorRT-RTX 1.6 (Turing, Ampere, Ada and Blackwell as in GeForce and RTX cards).
 */
export function hasEnginesFor(product: Product, capability: number): boolean {
	if (product === 'TensorRT') return capability >= 75 && capability < 130;
	return [75, 80, 86, 89].includes(capability) || (capability >= 120 && capability < 130);
}
