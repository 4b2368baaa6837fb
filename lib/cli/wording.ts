// The words of the command line: options by their flags.
import type { Wording } from '../messages/wording.ts';
import { keyVariable } from '../options/consent.ts';
import { inWordsOf, type Warning } from '../warnings.ts';

export const commandLineWording: Wording = {
	option: (name, value) => `${differing[name] ?? flagOf(name)}${value === undefined ? '' : ` ${value}`}`,
	either: (_, commandLine) => commandLine,
};

/** What the command line calls otherwise than the library. */
const differing: Readonly<Record<string, string>> = {
	photo: '<photo>',
	key: keyVariable,
	loras: '--lora',
	embeddings: '--from',
	'control.image': '--control',
	'control.pose.yaw': '--pose',
	'control.pose.pitch': '--pose',
	'control.pose.roll': '--pose',
	'control.scale': '--control-scale',
	'preview.every': '--preview',
	'provenance.payload': '--watermark-payload',
	certificates: '--sign-certificates',
	privateKey: '--sign-key',
	'reference.photo': '--reference',
	'reference.scale': '--reference-scale',
	'reference.face': '--reference-face',
};

/** Warnings as users read them, and as `--json` prints them. */
export function warningsOf({ warnings }: { warnings: readonly Warning[] }): Warning[] {
	return warnings.map((one) => inWordsOf(commandLineWording, one));
}

/** `guidanceScale` → `--guidance-scale` */
export function flagOf(name: string): string {
	return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
