// The words of the command line: options by their flags.
import type { Wording } from '../messages/wording.ts';

export const commandLineWording: Wording = {
	option: (name, value) => `${name === 'photo' ? '<photo>' : flagOf(name)}${value === undefined ? '' : ` ${value}`}`,
	either: (_, commandLine) => commandLine,
};

/** `guidanceScale` → `--guidance-scale` */
export function flagOf(name: string): string {
	return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
