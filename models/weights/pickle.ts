// Reads pickles without executing anything.
import { invalidWeights, remedies } from './invalid.ts';

/** What a global of a pickle stands for: a function that REDUCE may call, or a value. No others exist. */
export type PickleGlobals = ReadonlyMap<string, ((args: readonly unknown[]) => unknown) | object>;

export type UnpickleOptions = {
	/** By module and name: "collections.OrderedDict". */
	globals: PickleGlobals;
	/** Gives the object that a persistent id stands for. */
	persistentLoad: (id: unknown) => unknown;
	/** Path of the file, for messages. */
	file: string;
};

const opcode = {
	mark: 0x28, // (
	emptyTuple: 0x29, // )
	stop: 0x2e, // .
	binFloat: 0x47, // G
	binInt: 0x4a, // J
	binInt1: 0x4b, // K
	binInt2: 0x4d, // M
	none: 0x4e, // N
	binPersistentId: 0x51, // Q
	reduce: 0x52, // R
	shortBinString: 0x55, // U, text of Python 2
	binUnicode: 0x58, // X
	emptyList: 0x5d, // ]
	append: 0x61, // a
	build: 0x62, // b
	global: 0x63, // c
	appends: 0x65, // e
	binGet: 0x68, // h
	longBinGet: 0x6a, // j
	binPut: 0x71, // q
	longBinPut: 0x72, // r
	setItem: 0x73, // s
	tuple: 0x74, // t
	setItems: 0x75, // u
	emptyDict: 0x7d, // }
	protocol: 0x80,
	tuple1: 0x85,
	tuple2: 0x86,
	tuple3: 0x87,
	newTrue: 0x88,
	newFalse: 0x89,
	long1: 0x8a,
} as const;

const noValue = Symbol();

/**
 * Reads a pickle of protocol 2, as `torch.save` writes it: dicts become `Map`, lists and tuples arrays, ints and floats numbers.
 * Nothing is ever executed: REDUCE calls only the given globals, BUILD sets nothing, and any opcode or global
 * that tensors do not need is refused. Work and memory are linear in the bytes, because nothing recurses.
 * Bytes after its end are left alone.
 * Opcodes: https://github.com/python/cpython/blob/v3.11.7/Lib/pickletools.py
 *
 * @returns the value, and how many bytes the pickle has
 * @throws {Arc2FaceError} `INVALID_WEIGHTS`
 */
export function unpickle(bytes: Uint8Array, options: UnpickleOptions): { value: unknown; length: number } {
	const unpickler = new Unpickler(bytes, options);
	return { value: unpickler.run(), length: unpickler.length };
}

class Unpickler {
	readonly #bytes: Uint8Array;
	readonly #view: DataView;
	readonly #options: UnpickleOptions;
	readonly #text = new TextDecoder('utf-8', { fatal: true });
	readonly #memo = new Map<number, unknown>();
	/** The stack since the innermost mark, and below it the stacks before each mark. */
	#stack: unknown[] = [];
	readonly #outer: unknown[][] = [];
	#position = 0;

	constructor(bytes: Uint8Array, options: UnpickleOptions) {
		this.#bytes = bytes;
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.#options = options;
	}

	/** Bytes that were read. */
	get length(): number {
		return this.#position;
	}

	run(): unknown {
		for (;;) {
			const start = this.#position;
			const code = this.#uint(1);
			if (code === opcode.stop) return this.#pop();
			const value = this.#value(code);
			if (value === noValue) this.#change(code, start);
			else this.#stack.push(value);
		}
	}

	/** The value that an opcode pushes, or `noValue` when it pushes none. */
	#value(code: number): unknown {
		switch (code) {
			case opcode.none:
				return null;
			case opcode.newTrue:
				return true;
			case opcode.newFalse:
				return false;
			case opcode.binInt1:
				return this.#uint(1);
			case opcode.binInt2:
				return this.#uint(2);
			case opcode.binInt:
				return this.#uint(4) | 0;
			case opcode.long1:
				return this.#long(this.#uint(1));
			case opcode.binFloat:
				return this.#view.getFloat64(this.#take(8), false);
			case opcode.binUnicode:
				return this.#string(this.#uint(4));
			case opcode.shortBinString:
				return this.#string(this.#uint(1));
			case opcode.emptyTuple:
			case opcode.emptyList:
				return [];
			case opcode.emptyDict:
				return new Map();
			case opcode.tuple:
				return this.#popToMark();
			case opcode.tuple1:
				return this.#popMany(1);
			case opcode.tuple2:
				return this.#popMany(2);
			case opcode.tuple3:
				return this.#popMany(3);
			case opcode.binGet:
				return this.#recall(this.#uint(1));
			case opcode.longBinGet:
				return this.#recall(this.#uint(4));
			case opcode.global:
				return this.#global();
			case opcode.binPersistentId:
				return this.#options.persistentLoad(this.#pop());
			case opcode.reduce:
				return this.#reduce();
			default:
				return noValue;
		}
	}

	/** An opcode that changes what is already on the stack. */
	#change(code: number, start: number): void {
		switch (code) {
			case opcode.protocol:
				this.#checkProtocol();
				break;
			case opcode.mark:
				this.#outer.push(this.#stack);
				this.#stack = [];
				break;
			case opcode.append:
				this.#append(this.#popMany(1));
				break;
			case opcode.appends:
				this.#append(this.#popToMark());
				break;
			case opcode.setItem:
				this.#setItems(this.#popMany(2));
				break;
			case opcode.setItems:
				this.#setItems(this.#popToMark());
				break;
			case opcode.binPut:
				this.#remember(this.#uint(1));
				break;
			case opcode.longBinPut:
				this.#remember(this.#uint(4));
				break;
			case opcode.build:
				// The attributes of an OrderedDict (`_metadata`: module versions); no tensor is among them.
				this.#pop();
				this.#dict();
				break;
			default:
				throw this.#invalid('only the opcodes that tensors need', `0x${code.toString(16)} at byte ${start}`, {
					remedy: remedies.resave,
				});
		}
	}

	#checkProtocol(): void {
		const version = this.#uint(1);
		if (version !== 2) throw this.#invalid('protocol 2', `protocol ${version}`, { remedy: remedies.resave });
	}

	#reduce(): unknown {
		const [callable, args] = this.#popMany(2);
		if (typeof callable !== 'function' || !Array.isArray(args)) {
			throw this.#invalid('a function and its arguments to call', 'something else');
		}
		return callable(args);
	}

	#pop(): unknown {
		return this.#popMany(1)[0];
	}

	#popMany(count: number): unknown[] {
		if (this.#stack.length < count) throw this.#invalid(`${count} values on the stack`, `${this.#stack.length}`);
		return this.#stack.splice(-count);
	}

	#popToMark(): unknown[] {
		const items = this.#stack;
		const before = this.#outer.pop();
		if (before === undefined) throw this.#invalid('a mark on the stack', 'none');
		this.#stack = before;
		return items;
	}

	#append(items: unknown[]): void {
		const list = this.#stack.at(-1);
		if (!Array.isArray(list)) throw this.#invalid('a list to append to', 'another value');
		for (const item of items) list.push(item);
	}

	#dict(): Map<unknown, unknown> {
		const top = this.#stack.at(-1);
		if (!(top instanceof Map)) throw this.#invalid('a dict to write to', 'another value');
		return top;
	}

	#setItems(items: unknown[]): void {
		const dict = this.#dict();
		if (items.length % 2 !== 0) throw this.#invalid('as many values as keys for a dict', `${items.length} items`);
		for (let i = 0; i < items.length; i += 2) {
			const key = items[i];
			if (dict.has(key)) {
				throw this.#invalid('distinct keys in a dict', typeof key === 'string' ? `${key} twice` : 'one twice');
			}
			dict.set(key, items[i + 1]);
		}
	}

	#remember(index: number): void {
		if (this.#stack.length === 0) throw this.#invalid('a value to remember', 'an empty stack');
		this.#memo.set(index, this.#stack.at(-1));
	}

	#recall(index: number): unknown {
		if (!this.#memo.has(index)) throw this.#invalid('a remembered value', `the unknown number ${index}`);
		return this.#memo.get(index);
	}

	#global(): unknown {
		const name = `${this.#line()}.${this.#line()}`;
		const value = this.#options.globals.get(name);
		if (value === undefined)
			throw this.#invalid('only the globals that tensors need', name, { remedy: remedies.resave });
		return value;
	}

	/** Text up to a line feed, as in GLOBAL. */
	#line(): string {
		const end = this.#bytes.indexOf(0x0a, this.#position);
		if (end < 0 || end - this.#position > 100) throw this.#invalid('a name of at most 100 bytes', 'a longer one');
		const line = this.#string(end - this.#position);
		this.#position++;
		return line;
	}

	#string(length: number): string {
		const start = this.#take(length);
		try {
			return this.#text.decode(this.#bytes.subarray(start, start + length));
		} catch (cause) {
			throw this.#invalid('text in UTF-8', 'other bytes', { cause });
		}
	}

	/** An unsigned little-endian integer. */
	#uint(length: 1 | 2 | 4): number {
		const start = this.#take(length);
		if (length === 1) return this.#view.getUint8(start);
		return length === 2 ? this.#view.getUint16(start, true) : this.#view.getUint32(start, true);
	}

	/** A signed little-endian integer of any length, here up to what a double holds. */
	#long(length: number): number {
		const start = this.#take(length);
		let value = 0n;
		for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i]!);
		const number = Number(BigInt.asIntN(8 * length, value));
		if (!Number.isSafeInteger(number)) throw this.#invalid('integers below 2^53', 'a larger one');
		return number;
	}

	/** Steps over `length` bytes and returns where they begin. */
	#take(length: number): number {
		const start = this.#position;
		if (length > this.#bytes.length - start) throw this.#invalid('a complete pickle', 'one that ends too early');
		this.#position += length;
		return start;
	}

	#invalid(expected: string, received: string, options: { cause?: unknown; remedy?: string } = {}) {
		return invalidWeights(expected, { file: this.#options.file, part: 'the pickle' }, received, options);
	}
}
