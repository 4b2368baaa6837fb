// A GPU's compute capability, which is its generation. As a number it is ten times what people write: 89 stands for 8.9.

/** `8.9` */
export function capabilityName(capability: number): string {
	return (capability / 10).toFixed(1);
}

/** @returns undefined for anything but a capability */
export function parseCapability(text: string): number | undefined {
	return /^\d{1,2}\.\d$/.test(text) ? Number(text.replace('.', '')) : undefined;
}

/**
 * What TensorRT-RTX 1.6 builds for: the `enum class ComputeCapability` of its headers. NVIDIA documents it for the GeForce and RTX
 * cards of these, and for GB10 (12.1); the A100, 8.0, is in the enum, but not among the documented GPUs.
 */
export const rtxCapabilities: readonly number[] = [75, 80, 86, 89, 120, 121];
