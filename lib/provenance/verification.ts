// What the marks of a file say of it: the form of the answer of `verifyImage`.

/** What was found in a file, and how much it is worth. */
export interface Verification {
	/** All of it in a word. */
	finding: Finding;
	/** Whether any mark says that a generative model has made the image, or a part of it. */
	generated: boolean;
	/** Whether any mark says that it was made with this package. */
	madeHere: boolean;
	/** The C2PA manifest; absent if there is none. */
	c2pa?: C2paMark;
	/** What the XMP says; absent if it says nothing of where the image comes from. */
	xmp?: XmpMark;
	/** The watermark in the pixels; absent if none is found, or none was looked for because a side has over 32,767 pixels. */
	watermark?: WatermarkMark;
}

/**
 * `signed`: a manifest says that the image is generated, and the file is unchanged since it was signed; with `trust`, by somebody who is
 * trusted. `altered`: there is a manifest, and the file was changed after it was signed, or the manifest itself was. `marked`: marks say that
 * the image is generated, but none of them shows that the file is unchanged, or who says so. `none`: no mark says that it is generated.
 */
export type Finding = 'signed' | 'altered' | 'marked' | 'none';

/** A C2PA manifest. */
export interface C2paMark {
	/**
	 * `intact`: file and manifest are as they were signed. `altered`: one of them is not. `unproven`: the signature can't be relied on, such as
	 * that of a certificate whose time has ended; or the manifest lies elsewhere.
	 */
	state: 'intact' | 'altered' | 'unproven';
	/** What it proves, and what not: sentences for people. */
	meaning: string;
	/** What does not hold, in the words of C2PA: `assertion.dataHash.mismatch`. Empty if it is intact. */
	faults: readonly string[];
	/** Who signed, as the certificate names them; absent where it can't be read. */
	signer?: {
		/** The certificate's name. */
		name: string;
		/** Its organisation. */
		organisation: string;
		/** `es256` and so on. */
		algorithm: string;
		/** Whether it is a development certificate of this package, of which everybody can make one. */
		isDevelopment: boolean;
		/** Whether it is issued by one of `trust`, or by one of theirs; absent without `trust`. */
		isTrusted?: boolean;
	};
	/** Program and version that say they made the file. */
	generator?: string;
	/** Where the image comes from, as the IPTC calls it. */
	sourceType?: string;
	/** What it was painted from, in roles: `image`, `mask`, `control`, `reference`. */
	inputs: readonly string[];
	/** The salted hash of the identity, if it names one. */
	identityHash?: string;
}

/** The invisible watermark of this package. */
export interface WatermarkMark {
	/** What `payload` said, all 0 unless it was set; absent where the image is too small to carry it, or too little is left of it. */
	payload?: string;
	/** The probability, at most, that an image without the watermark looks as much as this one as if it had it. */
	falseAlarm: number;
	/** What it proves, and what not: sentences for people. */
	meaning: string;
}

/** What the XMP says. */
export interface XmpMark {
	/** Where the image comes from, as the IPTC calls it. */
	sourceType?: string;
	/** Program and version that say they made the file. */
	creatorTool?: string;
	/** What it proves, and what not: a sentence for people. */
	meaning: string;
}
