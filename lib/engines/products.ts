// NVIDIA's products that build and run engines, each major version a row: a table of all their differences.
import { rtxCapabilities } from './capability.ts';

/** Names of a product's libraries on a system. */
export type LibraryNames = Readonly<{
	core: string;
	/** The ONNX parser. */
	parser: string;
	/** How the core library's name begins in every version, also of those in other rows. */
	stem: string;
	/** The name of the core library in any version. */
	anyVersion: RegExp;
	/**
	 * The libraries of kernels for GPUs of a compute capability, of which the builder of a version needs one; undefined: it has all that it
	 * needs, or it is not known.
	 */
	kernels?: (version: string, capability: number) => readonly string[];
}>;

/** The architectures for which TensorRT's packages have kernels of their own. */
const kernelArchitectures = [75, 80, 86, 89, 90, 100, 120];

/** As `sm90`; for a GPU between the architectures it is not known which it takes: itself, or one that its code runs on. */
function architecturesOf(capability: number): string[] {
	const isKnown = kernelArchitectures.includes(capability);
	const family = kernelArchitectures.filter(
		(one) => one < capability && Math.trunc(one / 10) === Math.trunc(capability / 10),
	);
	return [capability, ...(isKnown ? [] : family.toReversed())].map((one) => `sm${one}`);
}

/** Seen: 10.6 has all kernels in one library, 10.15 and 11.2 have one for each architecture; between, both are taken. */
function kernelLibraries(version: string, capability: number): string[] {
	const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
	const ending = `.so.${major}.${minor}.${patch}`;
	const whole = `libnvinfer_builder_resource${ending}`;
	const each = architecturesOf(capability).map((one) => `libnvinfer_builder_resource_${one}${ending}`);
	if (major > 10 || minor >= 15) return each;
	return minor <= 6 ? [whole] : [...each, whole];
}

type ProductRow = Readonly<{
	/** What the library calls itself, without its version. */
	name: string;
	/** Its major version. */
	major: number;
	/** This package's library for it, beside the addon; without its extension. */
	provider: string;
	/** The versions that the provider library works with, as a package to install. */
	release: string;
	/** Repairs a pip installation. */
	reinstall?: string;
	/** The folder that its pip package has in `site-packages`. */
	pipFolder: string;
	/** By system; only those that it has libraries for. */
	libraries: Partial<Record<NodeJS.Platform, LibraryNames>>;
	/** Whether it, or one version of it, supports GPUs of this compute capability. */
	runsOn(capability: number, version?: string): boolean;
	/**
	 * Whether an engine is tuned and compiled on the GPU that will run it. Otherwise it is for all GPUs of a compute capability, is built
	 * without one, and is finished where it runs.
	 */
	buildsOnGpu: boolean;
	/** Why it is preferred to those after it, for people. */
	preference?: string;
}>;

const rows = {
	'TensorRT 11': {
		name: 'TensorRT',
		major: 11,
		provider: 'arc2face_tensorrt',
		release: 'TensorRT 11.1 or a newer 11, with its ONNX parser',
		pipFolder: 'tensorrt_libs',
		libraries: {
			linux: {
				core: 'libnvinfer.so.11',
				parser: 'libnvonnxparser.so.11',
				stem: 'libnvinfer.',
				anyVersion: /^libnvinfer\.so\.\d+$/,
				kernels: kernelLibraries,
			},
			win32: {
				core: 'nvinfer_11.dll',
				parser: 'nvonnxparser_11.dll',
				stem: 'nvinfer_',
				anyVersion: /^nvinfer_\d+\.dll$/,
			},
		},
		// NVIDIA documents TensorRT 11 for 7.5 to 12.x, data centres included.
		runsOn: (capability) => capability >= 75 && capability < 130,
		buildsOnGpu: true,
		preference:
			'It goes before TensorRT 10, which is older, and TensorRT-RTX, because it times its choices on the GPU itself.',
	},
	'TensorRT 10': {
		name: 'TensorRT',
		major: 10,
		provider: 'arc2face_tensorrt10',
		release: 'TensorRT 10.6 to 10.16, with its ONNX parser',
		pipFolder: 'tensorrt_libs',
		libraries: {
			linux: {
				core: 'libnvinfer.so.10',
				parser: 'libnvonnxparser.so.10',
				stem: 'libnvinfer.',
				anyVersion: /^libnvinfer\.so\.\d+$/,
				kernels: kernelLibraries,
			},
			win32: {
				core: 'nvinfer_10.dll',
				parser: 'nvonnxparser_10.dll',
				stem: 'nvinfer_',
				anyVersion: /^nvinfer_\d+\.dll$/,
			},
		},
		// By its release notes, 10.8 is the first for Blackwell, which is 10.0 and up.
		runsOn: (capability, version = '') => capability >= 75 && capability < (/^10\.[67]\./.test(version) ? 100 : 130),
		buildsOnGpu: true,
		preference: 'It goes before TensorRT-RTX, because it times its choices on the GPU itself.',
	},
	'TensorRT-RTX': {
		name: 'TensorRT-RTX',
		major: 1,
		provider: 'arc2face_tensorrt_rtx',
		release: 'TensorRT-RTX 1.6 (`pip install tensorrt-rtx==1.6.1.120`)',
		reinstall: 'Run `pip install --force-reinstall tensorrt-rtx==1.6.1.120`.',
		pipFolder: 'tensorrt_rtx_libs',
		libraries: {
			linux: {
				core: 'libtensorrt_rtx.so.1',
				parser: 'libtensorrt_onnxparser_rtx.so.1',
				stem: 'libtensorrt_rtx.',
				anyVersion: /^libtensorrt_rtx\.so\.\d+$/,
			},
			win32: {
				core: 'tensorrt_rtx_1_6.dll',
				parser: 'tensorrt_onnxparser_rtx_1_6.dll',
				stem: 'tensorrt_rtx_',
				anyVersion: /^tensorrt_rtx_\d+_\d+\.dll$/,
			},
		},
		runsOn: (capability) => rtxCapabilities.includes(capability),
		buildsOnGpu: false,
	},
} as const satisfies Record<string, ProductRow>;

export type Product = keyof typeof rows;

/** The rows, as their common type. */
export const productTable: Readonly<Record<Product, ProductRow>> = rows;

/** The preferred one first. */
export const products = Object.keys(rows) as readonly Product[];

/** The product of libraries, by what they say of themselves; a stand-in is none. */
export function productOf({ product, version }: { product: string; version: string }): Product | undefined {
	return products.find((one) => rows[one].name === product && version.startsWith(`${rows[one].major}.`));
}

/** The row of opened libraries; a stand-in has none. */
export function productRow(library: { product: string; version: string }): ProductRow | undefined {
	const product = productOf(library);
	return product && productTable[product];
}

/** The names to look for; undefined on systems that the product does not support. */
export function libraryNames(product: Product): LibraryNames | undefined {
	return productTable[product].libraries[process.platform];
}

/** The names of all products on this system. */
export function allLibraryNames(): LibraryNames[] {
	return products.flatMap((product) => libraryNames(product) ?? []);
}
