// Tells what a file given as a photo is, by its first bytes: the formats that phones, cameras and people use.
// By hand, because packages for it mistake some cameras' AVIF for HEIC, and most cameras' raw photos for TIFF.
// biome-ignore-all lint/suspicious/noControlCharactersInRegex: magic numbers are bytes

import { contentOf as otherContentOf, startBytes as otherStartBytes } from '../../models/file-content.ts';
import type { Sentence } from '../messages/wording.ts';

/** What it is, completing "it is a HEIC photo", and what to do about it. */
export type Content = Readonly<{
	what: string;
	/** Extensions in sharp's table of what it reads; without any, we can't read it. */
	suffix?: string;
	remedy: Sentence;
	/** Whether the file lacks the end that every complete file of the format has. */
	isCut?: (end: Uint8Array) => boolean;
}>;

/** Bytes from a file's start that {@link contentOf} looks at, and those from its end. */
export const startBytes = 65_536;
export const endBytes = 64;

/** @returns undefined for unknown bytes */
export function contentOf(start: Uint8Array): Content | undefined {
	const text = Buffer.from(start.subarray(0, 1024)).toString('latin1');
	const brands = brandsOf(text);
	if (brands.length > 0) return isoMedia(brands);
	if (/^(II\*\0|MM\0\*)/.test(text)) return text.slice(8, 10) === 'CR' || isRawTiff(start) ? raw() : tiff;
	const known = formats.find(([pattern]) => pattern.test(text))?.[1];
	if (known !== undefined) return known;
	const other = otherContentOf(start.subarray(0, otherStartBytes));
	return other && { remedy: noPhoto, ...other };
}

export const again = 'Copy or download it again.';

const noPhoto = 'Pass a photo.';
const convert = 'Convert it to JPEG or PNG, for example with ImageMagick: `magick FILE photo.jpg`.';
const frame = 'Take a picture out of it: `ffmpeg -ss 1 -i FILE -frames:v 1 photo.png`.';

const jpeg: Content = {
	what: 'a JPEG file',
	suffix: '.jpg',
	remedy: again,
	isCut: (end) => !Buffer.from(end).includes(Buffer.of(0xff, 0xd9)),
};
const tiff: Content = { what: 'a TIFF file', suffix: '.tiff', remedy: again };
const avif: Content = { what: 'an AVIF file', suffix: '.avif', remedy: again };
const jxl: Content = { what: 'a JPEG XL file', suffix: '.jxl', remedy: 'Convert it: `djxl FILE photo.png`.' };
const jp2: Content = { what: 'a JPEG 2000 file', suffix: '.jp2', remedy: convert };
const heic: Content = {
	what: 'a HEIC photo (of an iPhone, say)',
	suffix: '.heic',
	remedy:
		'Convert it to JPEG: on a Mac `sips -s format jpeg FILE --out photo.jpg`, elsewhere `heif-convert FILE photo.jpg`. ' +
		'An iPhone takes JPEGs when Settings > Camera > Formats says Most Compatible.',
};
const raw = (camera = 'a camera'): Content => ({
	what: `a raw photo of ${camera}`,
	remedy: 'Develop it to JPEG, for example with darktable: `darktable-cli FILE photo.jpg`.',
});
const picture = (what: string): Content => ({ what, remedy: convert });
const video = (what: string): Content => ({ what, remedy: frame });

const formats: readonly (readonly [RegExp, Content])[] = [
	[/^\xff\xd8\xff\xf7/, picture('a JPEG-LS file')],
	[/^\xff\xd8/, jpeg],
	[
		/^\x89PNG\r\n\x1a\n/,
		{ what: 'a PNG file', suffix: '.png', remedy: again, isCut: (end) => !Buffer.from(end).includes('IEND') },
	],
	[/^RIFF.{4}WEBP/s, { what: 'a WebP file', suffix: '.webp', remedy: again }],
	[/^GIF8[79]a/, { what: 'a GIF file', suffix: '.gif', remedy: again, isCut: (end) => !end.includes(0x3b) }],
	[/^(II|MM)(\+\0|\0\+)/, { ...tiff, what: 'a BigTIFF file' }],
	[/^(\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a)/, jxl],
	[/^(\0\0\0\x0cjP {2}\r\n\x87\n|\xff\x4f\xff\x51)/, jp2],
	[/^FUJIFILMCCD-RAW/, raw('a Fujifilm camera')],
	[/^(IIR[OS]|MMOR)/, raw('an Olympus camera')],
	[/^IIU\0/, raw('a Panasonic camera')],
	[/^FOVb/, raw('a Sigma camera')],
	[/^\0MRM/, raw('a Minolta camera')],
	[/^II\xbc/, picture('a JPEG XR file')],
	[/^BM.{4}\0\0\0\0/s, picture('a Windows bitmap (BMP)')],
	[/^\0\0[\x01\x02]\0.\0/s, picture('an icon (ICO)')],
	[/^icns/, picture('an icon of macOS (ICNS)')],
	[/^8BPS/, picture('a Photoshop file')],
	[/^gimp xcf/, picture('a file of GIMP')],
	[/^v\/1\x01/, picture('an OpenEXR file')],
	[/^#\?(RADIANCE|RGBE)/, picture('a Radiance HDR file')],
	[/^P[1-7]\s/, picture('a PNM file')],
	[/^qoif/, picture('a QOI file')],
	[/^DDS /, picture('a DDS texture')],
	[
		/^%PDF-/,
		{
			what: 'a PDF document',
			remedy: 'Take the photo out of it: `pdfimages -all FILE photo`, or a picture of the screen.',
		},
	],
	[/^%!PS/, picture('a PostScript document')],
	[/^RIFF.{4}AVI /s, video('a video (AVI)')],
	[/^\x1aE\xdf\xa3/, video('a video (Matroska or WebM)')],
	[/^(\0\0\x01[\xb3\xba]|G.{187}G|FLV\x01|0&\xb2u\x8ef\xcf\x11)/s, video('a video')],
	[/^.{4}(moov|mdat|wide|free|skip)/s, video('a video (QuickTime)')],
	[/^(ID3|\xff[\xfb\xf3\xf2]|OggS|fLaC|RIFF.{4}WAVE)/s, { what: 'a sound file', remedy: noPhoto }],
	[
		/^L\0\0\0\x01\x14\x02\0/,
		{ what: 'a shortcut of Windows (.lnk)', remedy: 'Pass the file that the shortcut leads to.' },
	],
	[
		/^\0\x05\x16\x07/,
		{
			what: "macOS's side file of a photo (AppleDouble)",
			remedy: 'Pass the file of the name without the leading "._".',
		},
	],
	[
		/^(ï»¿)?\s*<(svg\b|(?!!doctype html)[?!].*<svg\b)/is,
		{ what: 'a drawing (SVG)', remedy: 'Pass a photo; or draw it to a PNG first: `rsvg-convert FILE -o drawing.png`.' },
	],
	[
		/^data:/,
		{
			what: 'the text of a data: URL',
			remedy: ({ either }) =>
				`Pass its bytes: ${either('`Buffer.from(text.split(",")[1], "base64")`', '`cut -d, -f2 FILE | base64 -d`, into a photo named -')}.`,
		},
	],
	[
		/^(\/9j\/|iVBORw0KGgo|UklGR|R0lGOD)[A-Za-z0-9+/=\s]*$/,
		{
			what: 'an image written as base64',
			remedy: ({ either }) => `Decode it: ${either('`Buffer.from(text, "base64")`, or ', '')}\`base64 -d\`.`,
		},
	],
];

/** Brands of an ISO base media file (ISO/IEC 14496-12, `ftyp`): the major one, then the compatible ones. */
function brandsOf(text: string): string[] {
	if (text.slice(4, 8) !== 'ftyp') return [];
	const length = Math.min(Buffer.from(text.slice(0, 4), 'latin1').readUInt32BE(), text.length);
	const compatible = text.slice(16, length).match(/.{4}/gs) ?? [];
	return [text.slice(8, 12), ...compatible];
}

/** HEIF is the container; its brands tell the codec. Some cameras name the codec only among the compatible ones. */
function isoMedia(brands: readonly string[]): Content {
	if (brands.some((brand) => /^avi[fs]$/.test(brand))) return avif;
	if (brands.some((brand) => /^(he[iv][cxms]|hevc)$/.test(brand))) return heic;
	if (brands[0] === 'crx ') return raw('a Canon camera');
	if (/^(mif|msf)\d$/.test(brands[0]!)) return { ...heic, what: 'a HEIF photo' };
	if (brands[0] === 'jxl ') return jxl;
	if (/^jp[2xm] $/.test(brands[0]!)) return jp2;
	if (/^M4[AB] $/.test(brands[0]!)) return { what: 'a sound file', remedy: noPhoto };
	return video(brands[0] === 'qt  ' ? 'a video (QuickTime)' : 'a video (MP4)');
}

/**
 * Most cameras' raw photos (NEF, ARW, DNG, PEF …) are TIFF files whose first image is a thumbnail, which would be mistaken for the
 * photo. Tags of its first directory (TIFF 6.0, section 2): DNGVersion; or NewSubfileType "reduced" together with SubIFDs, where the
 * photo is.
 */
function isRawTiff(start: Uint8Array): boolean {
	const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
	const little = start[0] === 0x49;
	if (view.byteLength < 8) return false;
	const at = view.getUint32(4, little);
	if (at + 2 > view.byteLength) return false;
	const tags = new Map<number, number>();
	for (let i = 0, entry = at + 2; i < view.getUint16(at, little); i++, entry += 12) {
		if (entry + 12 > view.byteLength) break;
		tags.set(view.getUint16(entry, little), view.getUint32(entry + 8, little));
	}
	const isReduced = ((tags.get(254) ?? 0) & 1) === 1;
	return tags.has(50_706) || (isReduced && tags.has(330));
}
