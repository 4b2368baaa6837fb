// Sentences for people, in the words of their reader: a program passes options, the command line has flags.

/** How a reader names what a sentence is about. */
export interface Wording {
	/** An option, with a value if one is recommended: `imageSizes` and `precision: 'fp32'`, or --image-sizes and --precision fp32. */
	option(name: string, value?: string): string;
	/** Where more than a name differs. */
	either(program: string, commandLine: string): string;
}

/** Text, or how to put it together. */
export type Sentence = string | ((wording: Wording) => string);

/** What the library itself says. */
const programWording: Wording = {
	option: (name, value) => (value === undefined ? `\`${name}\`` : `\`${name}: '${value}'\``),
	either: (program) => program,
};

export function say(sentence: Sentence, wording: Wording = programWording): string {
	return typeof sentence === 'string' ? sentence : sentence(wording);
}
