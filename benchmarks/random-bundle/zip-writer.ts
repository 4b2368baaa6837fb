// Writes ZIP files of stored entries.
import { crc32 } from 'node:zlib';
import type { NewFile } from './new-file.ts';

/** PyTorch starts the data of every entry at a multiple of this. */
const alignment = 64;
/** Files of 4 GiB and more would need ZIP64. */
const maxFileBytes = 0xffff_ffff;

type Entry = { name: Buffer; headerOffset: number; paddingLength: number; crc: number; length: number };

/**
 * Writes a ZIP file of stored entries, as `torch.save` does:
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
 */
export class ZipWriter {
	readonly #file: NewFile;
	readonly #entries: Entry[] = [];

	constructor(file: NewFile) {
		this.#file = file;
	}

	async add(name: string, chunks: Iterable<Uint8Array>): Promise<void> {
		const entry: Entry = {
			name: Buffer.from(name),
			headerOffset: this.#file.position,
			paddingLength: 0,
			crc: 0,
			length: 0,
		};
		// The padding is an extra field, whose identifier and length take 4 bytes.
		const unpadded = entry.headerOffset + 30 + entry.name.length + 4;
		entry.paddingLength = 4 + ((alignment - (unpadded % alignment)) % alignment);

		await this.#file.append(localHeader(entry));
		for (const chunk of chunks) {
			entry.crc = crc32(chunk, entry.crc);
			entry.length += chunk.length;
			await this.#file.append(chunk);
		}
		if (this.#file.position > maxFileBytes) throw new RangeError('A ZIP file of 4 GiB or more would need ZIP64.');
		await this.#file.overwrite(entry.headerOffset, localHeader(entry));
		this.#entries.push(entry);
	}

	/** Writes the central directory; nothing can be added afterwards. */
	async finish(): Promise<void> {
		const offset = this.#file.position;
		for (const entry of this.#entries) await this.#file.append(directoryHeader(entry));

		const end = Buffer.alloc(22);
		end.writeUInt32LE(0x06054b50, 0);
		end.writeUInt16LE(this.#entries.length, 8);
		end.writeUInt16LE(this.#entries.length, 10);
		end.writeUInt32LE(this.#file.position - offset, 12);
		end.writeUInt32LE(offset, 16);
		await this.#file.append(end);
	}
}

function localHeader(entry: Entry): Buffer {
	const header = Buffer.alloc(30 + entry.name.length + entry.paddingLength);
	header.writeUInt32LE(0x04034b50, 0);
	writeCommonFields(header, 4, entry);
	header.writeUInt16LE(entry.paddingLength, 28);
	entry.name.copy(header, 30);
	const padding = 30 + entry.name.length;
	header.write('FB', padding, 'latin1');
	header.writeUInt16LE(entry.paddingLength - 4, padding + 2);
	return header;
}

function directoryHeader(entry: Entry): Buffer {
	const header = Buffer.alloc(46 + entry.name.length);
	header.writeUInt32LE(0x02014b50, 0);
	writeCommonFields(header, 6, entry);
	header.writeUInt32LE(entry.headerOffset, 42);
	entry.name.copy(header, 46);
	return header;
}

/** From "version needed to extract" to "file name length": the same 24 bytes in both headers. */
function writeCommonFields(header: Buffer, start: number, { crc, length, name }: Entry): void {
	header.writeUInt16LE(0x0800, start + 2); // names are UTF-8
	header.writeUInt32LE(crc, start + 10);
	header.writeUInt32LE(length, start + 14);
	header.writeUInt32LE(length, start + 18);
	header.writeUInt16LE(name.length, start + 22);
}
