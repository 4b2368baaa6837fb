// The LoRAs that a model is loaded with, as an option.
import { isPlainObject, isUrl } from './brands.ts';
import type { Rule } from './check.ts';
import { pathOf, pathRule } from './path.ts';

/** A LoRA that a bundle may have. `lcm`: the one for few steps, in the folder `lcm-lora`. */
export type LoraName = 'lcm';
export const loraNames: readonly LoraName[] = ['lcm'];

/** A LoRA to load a model with: the bundle's own by its name, or the path or `file:` URL of a file in the spelling of kohya, diffusers or PEFT. */
export type LoraChoice =
	| string
	| URL
	| {
			/** The file, whatever its name. */
			path: string | URL;
			/** How strongly it is added, any finite number (default 1, as it was trained). */
			scale?: number | undefined;
	  }
	| {
			/** The bundle's own of this name. */
			name: LoraName;
			/** As for a file. */
			scale?: number | undefined;
	  };

/** @internal */
export type ResolvedLora = Readonly<({ name: LoraName } | { path: string }) & { scale: number }>;

const isName = (value: unknown): value is LoraName => loraNames.includes(value as LoraName);

/** Any number of them. */
export const lorasRule: Rule = {
	expected: (wording) =>
		wording.either(
			`a list of LoRAs: ${loraNames.map((name) => `"${name}"`).join(', ')}, a path or file: URL, or { path or name, scale } with a finite scale`,
			'FILE or FILE:SCALE, a path and a finite number',
		),
	fits: (value) => Array.isArray(value) && value.every(fits),
};

function fits(value: unknown): boolean {
	if (pathRule.fits(value)) return true; // a name is text, too
	if (typeof value !== 'object' || value === null || !isPlainObject(value)) return false;
	const { path, name, scale, ...others } = value as Record<string, unknown>;
	if (Object.keys(others).length > 0 || !(scale === undefined || Number.isFinite(scale))) return false;
	return path === undefined ? isName(name) : name === undefined && pathRule.fits(path);
}

/**
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a `file:` URL that means no path
 * @internal
 */
export function resolveLoras(loras: readonly LoraChoice[]): ResolvedLora[] {
	return loras.map((lora) => {
		const asked = typeof lora === 'object' && !isUrl(lora) ? lora : isName(lora) ? { name: lora } : { path: lora };
		const { scale = 1 }: { scale?: number | undefined } = asked;
		return 'path' in asked ? { path: pathOf(asked.path, 'loras'), scale } : { name: asked.name, scale };
	});
}
